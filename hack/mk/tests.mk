# SPDX-License-Identifier: Apache-2.0
# Unit tests: one binary per tests/unit/test_X.c, linked with every C archive.

UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/tests/%,$(filter-out tests/unit/test_aworker_%.c,$(wildcard tests/unit/test_*.c)))

$(UNIT_TESTS): $(B)/tests/%: $(B)/obj/tests/unit/%.o $(LIBS_C)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(OUR_LDFLAGS) -pie $(LDFLAGS) -o $@ $^ -lcheck -lsubunit $(EXTERN_LIBS) -lrt -pthread

.PHONY: check-unit
check-unit: $(UNIT_TESTS) ## unit tests only
	$(Q)hack/run-tests $(UNIT_TESTS)
