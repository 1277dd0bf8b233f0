"""``coordinator.xml``: when the workflow runs, and what it waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.master.closed_days import DONE
from learnfold.oozie.workflow import NAME
from learnfold.schedule.frequency import FREQUENCIES

if TYPE_CHECKING:
    from learnfold.catalog import Catalog
    from learnfold.schedule.frequency import Frequency


def coordinator_xml(catalog: Catalog, choice: Frequency) -> str:
    """The coordinator; the daily and the weekly one wait for closed days of every topic, those within a day for nothing."""
    options = "\n".join(f"       {option.name + ':':8} {option.oozie}" for option in FREQUENCIES.values())
    return _COORDINATOR.format(
        name=f"{NAME}-{choice.name}",
        frequency=choice.oozie,
        options=options,
        wait=_wait(list(catalog.topics), choice.days) if choice.days else _NO_WAIT,
        day=-1 if choice.days else 0,
    )


def _wait(topics: list[str], days: int) -> str:
    return _WAIT.format(
        datasets="\n".join(_DATASET.format(topic=topic, flag=DONE) for topic in topics),
        inputs="\n".join(_INPUT.format(topic=topic, instances=_instances(days)) for topic in topics),
    )


def _instances(days: int) -> str:
    if days == 1:
        return "<instance>${coord:current(-1)}</instance>"
    return f"<start-instance>${{coord:current(-{days})}}</start-instance><end-instance>${{coord:current(-1)}}</end-instance>"


_COORDINATOR = """\
<?xml version="1.0" encoding="UTF-8"?>
<!-- Written by `learnfold oozie`. The attribute frequency sets how often it runs:
{options}
     Those within a day wait for no input; `learnfold oozie` with its flag for the frequency writes them so. -->
<coordinator-app name="{name}" frequency="{frequency}" start="${{start}}" end="${{end}}" timezone="UTC"
                 xmlns="uri:oozie:coordinator:0.5">
    <controls>
        <!-- minutes that a run waits for its input, then it is TIMEDOUT and the next one's turn (oozie job's rerun brings it back) -->
        <timeout>${{timeoutMinutes}}</timeout>
        <!-- missed runs are caught up one at a time, in order -->
        <concurrency>1</concurrency>
        <execution>FIFO</execution>
    </controls>
{wait}
    <action>
        <workflow>
            <app-path>${{appPath}}</app-path>
            <configuration>
                <!-- the last day that the run is about -->
                <property>
                    <name>day</name>
                    <value>${{coord:formatTime(coord:dateOffset(coord:nominalTime(), {day}, 'DAY'), 'yyyy-MM-dd')}}</value>
                </property>
            </configuration>
        </workflow>
    </action>
</coordinator-app>
"""

_WAIT = """\
    <datasets>
        <!-- a topic's day is closed when ingestion or compaction has put its mark there, events or not -->
{datasets}
    </datasets>
    <input-events>
{inputs}
    </input-events>"""

_DATASET = """\
        <dataset name="{topic}" frequency="${{coord:days(1)}}" initial-instance="2020-01-01T00:00Z" timezone="UTC">
            <uri-template>${{closedPath}}/topic={topic}/year=${{YEAR}}/month=${{MONTH}}/day=${{DAY}}</uri-template>
            <done-flag>{flag}</done-flag>
        </dataset>"""

_INPUT = """\
        <data-in name="{topic}_closed" dataset="{topic}">{instances}</data-in>"""

_NO_WAIT = """\
    <!-- within a day: it takes what has come so far and waits for nothing -->"""
