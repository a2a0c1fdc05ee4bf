"""qsub, qstat and qdel over AWS Batch, for engines that speak to a cluster scheduler over a shared directory.

A program for head jobs: it needs Python 3.9 and nothing else, and is carried in the head job's environment
(`package.py`). Its settings are `settings.py`; what is not here is what no engine was seen to use.
"""
