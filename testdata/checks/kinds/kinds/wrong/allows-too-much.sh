# step: allow
# check: no-more
# message: The service account robot may delete pods.
kubectl create serviceaccount robot
kubectl create clusterrolebinding robot --clusterrole=admin --serviceaccount=default:robot
