# What every checkout answers (DESIGN §10). Each target does its own set-up.
.PHONY: setup build check test demo soak bench deb rpm clean

setup:
	@tools/setup.sh

build:
	@node tools/bundle.js

check: setup
	@tools/check.sh

test: setup
	@node tools/test.js

soak: setup
	@SOAK=1 node tools/test.js

demo: setup
	@node build/lib/demo.js

bench: setup
	@node build/lib/bench.js $(ONLY)

deb: setup
	@tools/packaging/deb.sh

# dom0's carries the Debian package.
rpm: deb
	@tools/packaging/rpm.sh

clean:
	@rm -rf build
