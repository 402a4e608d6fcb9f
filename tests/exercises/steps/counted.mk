# counted.mk: the reader's server of chapter 04 with its system calls counted,
# by the same wrappers as the chapter's own. To be run in tests/suite:
# make -f ../exercises/steps/counted.mk READER=directory PROGRAM=server \
#     counted-reader
include Makefile

counted-reader: $(OUT)/count.o $(OUT)/count_uring.o
	@root=`cd $(BUILD) && pwd`; $(MAKE) -C "$(READER)" BUILD=build/counted \
	LDFLAGS="$(WRAP) $(WRAP_URING)" \
	LDLIBS="$$root/tests/count.o $$root/tests/count_uring.o" \
	build/counted/$(PROGRAM)

.PHONY: counted-reader
