#!/bin/bash
# What a queue is told, for Snakemake alone: the script of a job is run here, and its id is printed.
bash "$1" >&2
echo here
