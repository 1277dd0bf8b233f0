"""The real services that tests run against, started from Python on loopback.

Each is a context manager over a folder that holds its data, settings and log: `Minio`, `Seaweed`, `Kafka`,
`SparkCluster`, `Oozie`, in modules of their names. `stop`, `kill` (SIGKILL) and `restart` keep its ports and data.
`fixtures` has one of each for a whole test run; a test that kills or restarts one makes its own.
"""
