# after: shell
# step: restart
# check: restarted
# message: The container of the Pod web has not been started again yet
kubectl exec web -- rm /tmp/where
