"""``coordinator.xml``: when the workflow runs, and what it waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.master.closed import DONE_FLAG
from learnfold.oozie.workflow import NAME
from learnfold.schedule.frequency import FREQUENCIES

if TYPE_CHECKING:
    from learnfold.schedule.frequency import Frequency


def coordinator_xml(choice: Frequency) -> str:
    """The coordinator; the daily and the weekly one wait for closed days, those within a day for nothing."""
    options = "\n".join(f"       {option.name + ':':8} {option.oozie}" for option in FREQUENCIES.values())
    wait = _WAIT.format(flag=DONE_FLAG, instances=_instances(choice.days)) if choice.days else _NO_WAIT
    return _COORDINATOR.format(
        name=f"{NAME}-{choice.name}", frequency=choice.oozie, options=options, wait=wait, day=-1 if choice.days else 0
    )


def _instances(days: int) -> str:
    if days == 1:
        return "<instance>${coord:current(-1)}</instance>"
    return f"<start-instance>${{coord:current(-{days})}}</start-instance><end-instance>${{coord:current(-1)}}</end-instance>"


_COORDINATOR = """\
<?xml version="1.0" encoding="UTF-8"?>
<!-- Written by `learnfold oozie`. How often it runs is said by frequency:
{options}
     Those within a day wait for no input; the flag (frequency) of `learnfold oozie` writes them so. -->
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
        <!-- a day is closed when ingestion has put a flag there -->
        <dataset name="closed_days" frequency="${{coord:days(1)}}" initial-instance="2020-01-01T00:00Z" timezone="UTC">
            <uri-template>${{closedPath}}/${{YEAR}}-${{MONTH}}-${{DAY}}</uri-template>
            <done-flag>{flag}</done-flag>
        </dataset>
    </datasets>
    <input-events>
        <data-in name="closed" dataset="closed_days">{instances}</data-in>
    </input-events>"""

_NO_WAIT = """\
    <!-- within a day: it takes what has come so far and waits for nothing -->"""
