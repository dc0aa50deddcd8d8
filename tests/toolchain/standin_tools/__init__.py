# SPDX-License-Identifier: Apache-2.0
"""What runs as the vendor's tools; `standins` installs it. Starts fast: it imports little."""
