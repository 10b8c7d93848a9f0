# check: absent
# after: nowhere
