"""The batch layer under Apache Oozie: its files written from the catalogue and the settings, checked, and deployed."""

from learnfold.oozie.files import oozie_files, write_files

__all__ = ["oozie_files", "write_files"]
