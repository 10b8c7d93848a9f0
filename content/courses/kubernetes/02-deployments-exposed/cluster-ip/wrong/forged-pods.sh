# step: expose
# check: service
# message: The Service hello selects page=mine, and none of the Pods of the Deployment hello carries that
kubectl run answers --image=busybox:1.36 --labels=app=hello,page=mine -- httpd -f -p 8080
kubectl expose pod answers --name=hello --port=80 --target-port=8080 --selector=page=mine
