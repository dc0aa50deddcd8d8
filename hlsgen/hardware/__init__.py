# SPDX-License-Identifier: Apache-2.0
"""The part of a build that needs the vendor's tools, and what their reports say."""
