# step: create
:
# step: two
:
# step: three
:
