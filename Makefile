# Thin aliases: `make run` is `python3 course.py run`.
COMMANDS := run test lab update slides site instructor explore class data doctor evaluate capstone notebooks stamp pictures train judge realism

.PHONY: $(COMMANDS)
$(COMMANDS):
	python3 course.py $@
