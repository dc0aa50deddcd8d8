# SPDX-License-Identifier: Apache-2.0
"""The cycle model of the array, and the scheduler that takes each product's fastest tile."""
