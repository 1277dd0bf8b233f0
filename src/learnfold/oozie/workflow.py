"""``workflow.xml``: a fork of one Spark action a job, a join, and what happens when one of them fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from learnfold.catalog import Catalog

RETRIES = 2
RETRY_MINUTES = 1

NAME = "batch-views"
JOIN, END = "views_published", "end"


def script(job: str) -> str:
    """The file of a job, which is its action's name too, with ``.py`` behind it."""
    return f"{job}_batch_job"


def workflow_xml(catalog: Catalog) -> str:
    """The workflow of all jobs of the catalogue: a fork of those that read no other's tables, a join, then the others in their order."""
    first = [script(job.name) for job in catalog.jobs.values() if not job.after]
    then = [script(job.name) for job in catalog.jobs.values() if job.after]
    paths = "\n".join(f'        <path start="{name}"/>' for name in first)
    forked = [_action(name, JOIN) for name in first]
    following = [_action(name, to) for name, to in zip(then, [*then[1:], END], strict=False)]
    return _WORKFLOW.format(
        name=NAME,
        paths=paths,
        forked="\n\n".join(forked),
        join=JOIN,
        then=then[0] if then else END,
        following="".join(f"\n{action}\n" for action in following),
        end=END,
    )


def _action(name: str, to: str) -> str:
    return _ACTION.format(name=name, retries=RETRIES, minutes=RETRY_MINUTES, to=to)


_WORKFLOW = """\
<?xml version="1.0" encoding="UTF-8"?>
<!-- START, FORK of all jobs, JOIN, END. Written by `learnfold oozie` from the subjects: change those, or the properties. -->
<workflow-app name="{name}" xmlns="uri:oozie:workflow:1.0">
    <parameters>
        <!-- defaults of what job.properties may leave out -->
        <property><name>day</name><value>by-hand</value></property>
        <property><name>queueName</name><value>default</value></property>
        <property><name>sparkOptions</name><value>--conf spark.ui.showConsoleProgress=false</value></property>
        <property><name>runOption</name><value>--engine=spark</value></property>
        <property><name>alertEmail</name><value>nobody</value></property>
    </parameters>
    <global>
        <resource-manager>${{resourceManager}}</resource-manager>
        <name-node>${{nameNode}}</name-node>
        <configuration>
            <property><name>oozie.launcher.memory.mb</name><value>${{launcherMemoryMb}}</value></property>
            <property><name>oozie.launcher.queue</name><value>${{queueName}}</value></property>
        </configuration>
    </global>

    <start to="batch_jobs"/>

    <!-- A job that fails goes its own way to the end: with alertEmail=someone@example.org in job.properties by way of a message.
         (Two jobs that fail at once would stumble over a node that they shared.) -->
    <fork name="batch_jobs">
{paths}
    </fork>

{forked}

    <join name="{join}" to="{then}"/>
{following}
    <kill name="fail">
        <message>${{wf:lastErrorNode()}} failed: ${{wf:errorMessage(wf:lastErrorNode())}}</message>
    </kill>

    <end name="{end}"/>
</workflow-app>
"""

_ACTION = """\
    <action name="{name}" retry-max="{retries}" retry-interval="{minutes}">
        <spark xmlns="uri:oozie:spark-action:1.0">
            <master>${{sparkMaster}}</master>
            <mode>${{sparkMode}}</mode>
            <name>{name} ${{day}}</name>
            <jar>{name}.py</jar>
            <spark-opts>--py-files learnfold.zip --driver-memory ${{driverMemory}} --executor-memory ${{executorMemory}} --executor-cores ${{executorCores}} --num-executors ${{numExecutors}} --conf spark.sql.shuffle.partitions=${{shufflePartitions}} --conf spark.default.parallelism=${{defaultParallelism}} ${{sparkOptions}}</spark-opts>
            <arg>${{inputPath}}</arg>
            <arg>${{outputPath}}</arg>
            <arg>--engine=spark</arg>
            <arg>--wait=${{waitSeconds}}</arg>
            <arg>${{runOption}}</arg>
            <file>${{appPath}}/jobs/{name}.py#{name}.py</file>
            <file>${{appPath}}/learnfold.zip#learnfold.zip</file>
        </spark>
        <ok to="{to}"/>
        <error to="{name}_failed"/>
    </action>
    <decision name="{name}_failed">
        <switch>
            <case to="{name}_alert">${{alertEmail ne 'nobody'}}</case>
            <default to="fail"/>
        </switch>
    </decision>
    <action name="{name}_alert">
        <email xmlns="uri:oozie:email-action:0.2">
            <to>${{alertEmail}}</to>
            <subject>Batch views of ${{day}}: {name} failed</subject>
            <body>{name} of ${{wf:id()}} failed: ${{wf:errorMessage('{name}')}}
Its views are as they were before. To see why: oozie job -log ${{wf:id()}}
To run what failed again: oozie job -rerun ${{wf:id()}} -D oozie.wf.rerun.failnodes=true</body>
        </email>
        <ok to="fail"/>
        <error to="fail"/>
    </action>"""
