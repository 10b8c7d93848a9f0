# step: create
# check: absent
# wanted: something
# step: create
# after: nowhere
