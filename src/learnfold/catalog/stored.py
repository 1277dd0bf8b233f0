"""The catalogue as plain data, for a file that is read at every start, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnfold.catalog.lookback import LookBack
from learnfold.catalog.model import Catalog, Column, Field, Job, Pushdown, Rewrite, Rollup, Topic, View
from learnfold.catalog.plans import State, StateColumn, StatePlan, TupleSet

if TYPE_CHECKING:
    from collections.abc import Mapping


def as_data(catalog: Catalog) -> list[Any]:
    """The catalogue in lists, texts, numbers and booleans; what several refer to stands once and is named elsewhere."""
    return [
        [
            job.name,
            job.comment,
            [[topic.name, topic.comment, [_values(field) for field in topic.fields]] for topic in job.topics],
            [_of_rollup(rollup) for rollup in job.rollups],
            [_of_view(view) for view in job.views],
            job.after,
        ]
        for job in catalog.jobs.values()
    ]


def from_data(data: list[Any]) -> Catalog:
    """The catalogue that such data stand for; raises TypeError, ValueError or KeyError for data that stand for none."""
    jobs: dict[str, Job] = {}
    topics: dict[str, Topic] = {}
    rollups: dict[str, Rollup] = {}
    views: dict[str, View] = {}
    for name, comment, its_topics, its_rollups, its_views, after in data:
        own_topics = tuple(Topic(topic, about, tuple(Field(*f) for f in fields)) for topic, about, fields in its_topics)
        topics |= {topic.name: topic for topic in own_topics}
        own_rollups = tuple(_to_rollup(rollup, topics) for rollup in its_rollups)
        rollups |= {rollup.name: rollup for rollup in own_rollups}
        for view in its_views:
            views[view[0]] = _to_view(view, rollups, views)
        own_views = tuple(views[view[0]] for view in its_views)
        jobs[name] = Job(name, comment, own_topics, own_rollups, own_views, tuple(after))
    return Catalog(jobs)


def _values(record: Field | Column | StateColumn | TupleSet) -> list[Any]:
    return list(vars(record).values())


def _of_rollup(rollup: Rollup) -> list[Any]:
    columns = [_values(column) for column in rollup.columns]
    return [
        rollup.name,
        rollup.comment,
        rollup.topic.name,
        columns,
        rollup.query,
        rollup.by_day,
        sorted(rollup.reads),
    ]


def _to_rollup(data: list[Any], topics: Mapping[str, Topic]) -> Rollup:
    name, comment, topic, columns, query, by_day, reads = data
    return Rollup(name, comment, topics[topic], tuple(Column(*c) for c in columns), query, by_day, frozenset(reads))


def _of_view(view: View) -> list[Any]:
    return [
        view.name,
        view.job,
        view.comment,
        [_values(column) for column in view.columns],
        [rollup.name for rollup in view.rollups],
        view.checks,
        view.query,
        [view.pushdown.columns, view.pushdown.sources],
        view.unique,
        sorted(view.all_time),
        [[sorted(merged), rewrite.select, rewrite.projection] for merged, rewrite in view.rewrites.items()],
        _of_plan(view.plan),
        [read.name for read in view.views],
        view.looks_back,
    ]


def _to_view(data: list[Any], rollups: Mapping[str, Rollup], views: Mapping[str, View]) -> View:
    name, job, comment, columns, reads, checks, query, pushdown, unique, all_time, rewrites, plan, above, back = data
    return View(
        name,
        job,
        comment,
        tuple(Column(*column) for column in columns),
        tuple(rollups[rollup] for rollup in reads),
        tuple(checks),
        query,
        Pushdown(tuple(pushdown[0]), {rollup: tuple(names) for rollup, names in pushdown[1].items()}),
        unique,
        frozenset(all_time),
        {frozenset(merged): Rewrite(select, projection=projection) for merged, select, projection in rewrites},
        _to_plan(plan),
        tuple(views[view] for view in above),
        LookBack(back[0], back[1], tuple(back[2])) if back else None,
    )


def _of_plan(plan: StatePlan) -> list[Any]:
    states = [
        [state.name, state.rollups, [_values(c) for c in state.columns], state.source, state.condition, state.shown]
        for state in plan.states
    ]
    return [states, [_values(found) for found in plan.sets], plan.query, plan.whole]


def _to_plan(data: list[Any]) -> StatePlan:
    states, sets, query, whole = data
    return StatePlan(
        tuple(
            State(name, tuple(rollups), tuple(StateColumn(*c) for c in columns), source, condition, tuple(shown))
            for name, rollups, columns, source, condition, shown in states
        ),
        tuple(
            TupleSet(name, tuple(rollups), tuple(columns), tuple(types), source, condition)
            for name, rollups, columns, types, source, condition in sets
        ),
        query,
        whole,
    )
