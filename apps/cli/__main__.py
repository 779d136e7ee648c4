"""`python -m apps.cli`: the same as `quire`."""

import sys

from apps.cli.app import main

sys.exit(main())
