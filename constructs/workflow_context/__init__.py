"""AWS CDK constructs that model a genomics workflow context.

The names below are imported when first used: `workflow_context.models` and `workflow_context.catalog` work without the
CDK, and without the Node.js process that importing the CDK starts.
"""

from typing import TYPE_CHECKING

from .lazy import lazy
from .node import prefer_wheel_node

if TYPE_CHECKING:
    from .bucket import WorkflowBucket
    from .compute import BatchCompute
    from .context import ComputeFactory, EngineFactory, WorkflowContext
    from .debug_instance import DebugInstance
    from .dispatcher import StorageDispatcher
    from .engines.base import WorkflowEngine
    from .engines.cromwell import CromwellEngine
    from .engines.miniwdl import MiniwdlEngine
    from .engines.nextflow import NextflowEngine
    from .engines.parts import ContextParts
    from .engines.snakemake import SnakemakeEngine
    from .engines.toil import ToilEngine
    from .expiry import StorageExpiry
    from .file_browser import FileBrowser
    from .identity_guard import FileSystemGuard
    from .job_queues import JobQueues
    from .monitoring import Monitoring
    from .network import Network, Placement
    from .references import Reference
    from .s3_location import S3Location
    from .scripts import MountScript
    from .shared_queues import SharedQueues
    from .storage.base import WorkflowFileSystem
    from .storage.efs import EfsFileSystem
    from .storage.fsx_lustre import FsxLustreFileSystem
    from .storage.network import NetworkFileSystem
    from .storage.objectivefs import ObjectiveFsFileSystem
    from .storage.s3 import S3FileSystem
    from .storage.s3_files import S3FilesFileSystem
    from .task_machines import TaskMachines

_MODULES = {
    "BatchCompute": ".compute",
    "ComputeFactory": ".context",
    "ContextParts": ".engines.parts",
    "CromwellEngine": ".engines.cromwell",
    "DebugInstance": ".debug_instance",
    "EfsFileSystem": ".storage.efs",
    "EngineFactory": ".context",
    "FileBrowser": ".file_browser",
    "FileSystemGuard": ".identity_guard",
    "FsxLustreFileSystem": ".storage.fsx_lustre",
    "JobQueues": ".job_queues",
    "MiniwdlEngine": ".engines.miniwdl",
    "Monitoring": ".monitoring",
    "MountScript": ".scripts",
    "Network": ".network",
    "NetworkFileSystem": ".storage.network",
    "NextflowEngine": ".engines.nextflow",
    "ObjectiveFsFileSystem": ".storage.objectivefs",
    "Placement": ".network",
    "Reference": ".references",
    "S3FileSystem": ".storage.s3",
    "S3FilesFileSystem": ".storage.s3_files",
    "S3Location": ".s3_location",
    "SharedQueues": ".shared_queues",
    "SnakemakeEngine": ".engines.snakemake",
    "StorageDispatcher": ".dispatcher",
    "StorageExpiry": ".expiry",
    "TaskMachines": ".task_machines",
    "ToilEngine": ".engines.toil",
    "WorkflowBucket": ".bucket",
    "WorkflowContext": ".context",
    "WorkflowEngine": ".engines.base",
    "WorkflowFileSystem": ".storage.base",
}

__all__ = [
    "BatchCompute",
    "ComputeFactory",
    "ContextParts",
    "CromwellEngine",
    "DebugInstance",
    "EfsFileSystem",
    "EngineFactory",
    "FileBrowser",
    "FileSystemGuard",
    "FsxLustreFileSystem",
    "JobQueues",
    "MiniwdlEngine",
    "Monitoring",
    "MountScript",
    "Network",
    "NetworkFileSystem",
    "NextflowEngine",
    "ObjectiveFsFileSystem",
    "Placement",
    "Reference",
    "S3FileSystem",
    "S3FilesFileSystem",
    "S3Location",
    "SharedQueues",
    "SnakemakeEngine",
    "StorageDispatcher",
    "StorageExpiry",
    "TaskMachines",
    "ToilEngine",
    "WorkflowBucket",
    "WorkflowContext",
    "WorkflowEngine",
    "WorkflowFileSystem",
]


__getattr__, __dir__ = lazy(__name__, _MODULES)


prefer_wheel_node()
