"""The AWS CLI that machines get at boot where tasks bind it: here that of this machine."""

AWS = '#!/bin/sh\nexec aws "$@"\n'
