# after: deploy
# step: expose
# check: service
# message: The Service intro selects page=mine, and no Pod of the Deployment intro carries that
kubectl run answers --image=busybox:1.36 --labels=page=mine -- sh -c 'mkdir /www; echo "{\"host\":\"intro-1\"}" > /www/state; exec httpd -f -p 8080 -h /www'
kubectl expose pod answers --name=intro --port=80 --target-port=8080 --selector=page=mine
