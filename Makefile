# The course: `make help` says what there is to do. Every target is one tool in
# tests/tools/; programs are built by the Makefiles of the chapters. Works with
# GNU make (3.81 or later) and with bmake.
.NOTPARALLEL:

# The tools call this make again. (By way of a variable of our own: a line that
# says $(MAKE) itself would be run by make -n, too.)
THIS = $(MAKE)
TOOL = exec env MAKE='$(THIS)' sh tests/tools

all:
	@$(TOOL)/build

deps:
	@$(TOOL)/deps

run:
	@$(TOOL)/run 06

test check:
	@$(TOOL)/test

help:
	@$(TOOL)/help

clean:
	rm -rf build

run-01 run-02 run-03 run-04 run-05 run-06:
	@n=$@; $(TOOL)/run $${n#run-}

test-01 test-02 test-03 test-04 test-05 test-06:
	@n=$@; $(TOOL)/test $${n#test-}

why-01 why-02 why-03 why-04 why-05 why-06:
	@n=$@; $(TOOL)/why $${n#why-}

diff-02 diff-03 diff-04 diff-05 diff-06:
	@n=$@; $(TOOL)/diff $${n#diff-}

start-01 start-02 start-03 start-04 start-05 start-06:
	@n=$@; $(TOOL)/start $${n#start-}

try-01 try-02 try-03 try-04 try-05 try-06:
	@n=$@; $(TOOL)/try $${n#try-}

trace-01 trace-02 trace-03 trace-04 trace-05 trace-06:
	@n=$@; $(TOOL)/trace $${n#trace-}

doctor cost bench hunt:
	@$(TOOL)/$@

load:
	@$(TOOL)/load

.PHONY: all deps run test check help clean \
	run-01 run-02 run-03 run-04 run-05 run-06 \
	test-01 test-02 test-03 test-04 test-05 test-06 \
	why-01 why-02 why-03 why-04 why-05 why-06 \
	diff-02 diff-03 diff-04 diff-05 diff-06 \
	start-01 start-02 start-03 start-04 start-05 start-06 \
	try-01 try-02 try-03 try-04 try-05 try-06 \
	trace-01 trace-02 trace-03 trace-04 trace-05 trace-06 \
	doctor cost bench hunt load
