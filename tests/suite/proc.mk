# Which file tells about other processes: one per platform. For the Makefiles
# of tests/*/, which include it: $(PICK_PROC); cc ... $$proc.
PROC = ../suite/proc_linux.c ../suite/proc_macos.c ../suite/proc_freebsd.c \
	../suite/proc_other.c ../suite/not_linux.c
PICK_PROC = case `uname` in \
	Linux) proc=../suite/proc_linux.c ;; \
	Darwin) proc="../suite/proc_macos.c ../suite/not_linux.c" ;; \
	FreeBSD) proc="../suite/proc_freebsd.c ../suite/not_linux.c -lutil" ;; \
	*) proc="../suite/proc_other.c ../suite/not_linux.c" ;; \
	esac
