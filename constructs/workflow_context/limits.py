"""Limits of AWS that constructs, project files and estimates share. Imports nothing."""

MIN_EFS_PROVISIONED_MIBPS = 1
MAX_EFS_PROVISIONED_MIBPS = 3414
"""Provisioned throughput of Amazon EFS, in MiB/s. https://docs.aws.amazon.com/efs/latest/ug/limits.html"""

LUSTRE_MIN_GIB = 1200
LUSTRE_STEP_GIB = 2400
"""Amazon FSx for Lustre has 1200 GiB, 2400, or a multiple of 2400.
https://docs.aws.amazon.com/fsx/latest/LustreGuide/using-fsx-lustre.html"""

LUSTRE_MBPS_PER_TIB = (125, 250, 500, 1000)
"""Throughput of PERSISTENT_2 file systems, in MB/s for each TiB."""
