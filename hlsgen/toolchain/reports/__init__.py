# SPDX-License-Identifier: Apache-2.0
"""What the vendor's tools report, read back; each module one kind of report, text in, data out."""
