# SPDX-License-Identifier: Apache-2.0
# The worker: C objects, the C++ corner, the platform's JavaScript and its startup snapshot.
