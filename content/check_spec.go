package content

// The checks of lab.yaml, as they are written.
type (
	// One question about the cluster, or to the student. It has one of exec, http, dns, logs, can, workstation, answer, script
	// and during, or objects alone.
	checkSpec struct {
		// A DNS label, unique in the step.
		Name string `yaml:"name" jsonschema:"required,minLength=1"`
		// What the student is told that this check looks for; of an answer, the question.
		Title string `yaml:"title" jsonschema:"required,minLength=1"`
		// A check that is level may become untrue again until its step is complete; one that is once stays true.
		Mode string `yaml:"mode" jsonschema:"enum=level,enum=once"`
		// A guard is true before the step's work too: it keeps a student from breaking something.
		Guard bool `yaml:"guard"`
		// The student is to find out what is wrong, or what the answer is: a result says no more than the check's messages do.
		Diagnose bool `yaml:"diagnose"`
		// What it counts by itself, while its step is not complete yet; nothing where it is not given.
		Points int `yaml:"points" jsonschema:"minimum=0,maximum=100"`
		// The objects that the check looks at, by the names that its expressions have for them.
		Objects map[string]Object `yaml:"objects"`
		// A command whose output the check looks at.
		Exec *execSpec `yaml:"exec"`
		// What a service, a pod, an ingress or an address answers.
		HTTP *httpSpec `yaml:"http"`
		// What a name resolves to inside the cluster.
		DNS *dnsSpec `yaml:"dns"`
		// What a container has logged.
		Logs *logsSpec `yaml:"logs"`
		// What somebody may do.
		Can *canSpec `yaml:"can"`
		// A file, or a command's output, on the student's workstation.
		Workstation *workstationSpec `yaml:"workstation"`
		// What the student types or chooses on the page.
		Answer *answerSpec `yaml:"answer"`
		// A shell script on the workstation, for what nothing else can judge.
		Script *scriptSpec `yaml:"script"`
		// How a change of the objects went: the validations have to hold in every state of it.
		During *During `yaml:"during"`
		// What has to be true. The first one that is not decides what the student is told.
		Validations []Validation `yaml:"validations"`
	}
	repeatSpec struct {
		// How long it may take, such as 10s; 5s where it is not given.
		Timeout string `yaml:"timeout"`
		// How often it is done while nothing has changed, such as 1s; 3s where it is not given.
		Interval string `yaml:"interval"`
	}
	podSpec struct {
		// The namespace of the pod.
		Namespace string `yaml:"namespace" jsonschema:"required,minLength=1"`
		// The pod by its name. Give this or selector.
		Pod string `yaml:"pod"`
		// Labels: the first ready pod that carries them all is taken. Give this or pod.
		Selector map[string]string `yaml:"selector"`
		// The container; the pod's default one where it is not given.
		Container string `yaml:"container"`
	}
	// A command that runs in a pod. Expressions see stdout and stderr (texts of 64 KiB at most) and exitCode (a number).
	execSpec struct {
		podSpec    `yaml:",inline"`
		repeatSpec `yaml:",inline"`
		// The program and its arguments. No shell reads them.
		Command []string `yaml:"command" jsonschema:"required,minItems=1"`
	}
	// A request. Give one of service, pod, selector, ingress and url. Expressions see status (a number), headers (texts by
	// names in lower case) and body (a text of 64 KiB at most). Redirects are not followed.
	httpSpec struct {
		repeatSpec `yaml:",inline"`
		// The namespace of what is asked.
		Namespace string `yaml:"namespace"`
		// A service by its name.
		Service string `yaml:"service"`
		// How to reach the service: the API server's proxy where it is not given, which passes kube-proxy by; a node's port or
		// the address outside are reached from the workstation.
		Via string `yaml:"via" jsonschema:"enum=Proxy,enum=NodePort,enum=LoadBalancer"`
		// A pod by its name.
		Pod string `yaml:"pod"`
		// Labels: the first ready pod that carries them all is taken.
		Selector map[string]string `yaml:"selector"`
		// An ingress by its name, asked at its address with the given host.
		Ingress string `yaml:"ingress"`
		// An address that the workstation reaches.
		URL string `yaml:"url"`
		// The certificate of https is not checked; http where it is not given.
		Scheme string `yaml:"scheme" jsonschema:"enum=http,enum=https"`
		// A number, as a text, or a name; the only port where it is not given.
		Port string `yaml:"port"`
		// GET where it is not given.
		Method string `yaml:"method" jsonschema:"enum=GET,enum=HEAD,enum=POST,enum=PUT,enum=DELETE,enum=OPTIONS"`
		// What is asked for, with its query if there is one; / where it is not given.
		Path string `yaml:"path"`
		// The Host header; the address where it is not given.
		Host string `yaml:"host"`
		// Other headers.
		Headers map[string]string `yaml:"headers"`
	}
	// A question to the cluster's own DNS server. Expressions see answers (a sorted list of texts) and code (a text: NOERROR,
	// NXDOMAIN and others).
	dnsSpec struct {
		repeatSpec `yaml:",inline"`
		// What to look up. A name with fewer than 5 dots and none at its end is searched for as a pod would.
		Name string `yaml:"name" jsonschema:"required,minLength=1"`
		// The namespace of the pod that would ask; default where it is not given.
		Namespace string `yaml:"namespace"`
		// The type of the records; A where it is not given.
		Type string `yaml:"type" jsonschema:"enum=A,enum=AAAA,enum=CNAME,enum=PTR,enum=SRV,enum=TXT"`
	}
	// A container's log. Expressions see lines (a list of texts: the last 1,000, of 256 KiB at most).
	logsSpec struct {
		podSpec    `yaml:",inline"`
		repeatSpec `yaml:",inline"`
		// The log of the container's run before this one.
		Previous bool `yaml:"previous"`
	}
	// A question to the API server: give user or serviceAccount, and resource or path. Expressions see allowed (true or
	// false) and reason (a text, the API server's own).
	canSpec struct {
		repeatSpec `yaml:",inline"`
		// The name of a user.
		User string `yaml:"user"`
		// A service account, as namespace/name.
		ServiceAccount string `yaml:"serviceAccount"`
		// Groups beside those that the user or service account has anyway.
		Groups []string `yaml:"groups"`
		// Such as get, list, create or delete.
		Verb string `yaml:"verb" jsonschema:"required,minLength=1"`
		// Such as pods or deployments.apps.
		Resource string `yaml:"resource"`
		// A path that is no resource, such as /metrics.
		Path string `yaml:"path"`
		// Such as log or exec, of pods.
		Subresource string `yaml:"subresource"`
		// One object; all of them where it is not given.
		Name string `yaml:"name"`
		// One namespace; all of them where it is not given.
		Namespace string `yaml:"namespace"`
	}
	// Give file or command. Expressions see content (a text of 64 KiB at most) of a file, or stdout and stderr (texts of 64
	// KiB at most) and exitCode (a number) of a command.
	workstationSpec struct {
		repeatSpec `yaml:",inline"`
		// A path in the home folder, or an absolute one.
		File string `yaml:"file"`
		// The program and its arguments, run as the student in their home folder. No shell reads them.
		Command []string `yaml:"command"`
		// Programs find the student's settings (HOME, ~/.kube/config), for a check that judges those. Elsewhere they find none.
		StudentHome bool `yaml:"studentHome"`
	}
	// It runs as the student in their home folder. Exit status 0 is true, 75 is not yet, and all others are wrong; the last
	// line that it prints is told to the student.
	scriptSpec struct {
		repeatSpec `yaml:",inline"`
		// The script, for bash.
		Run string `yaml:"run" jsonschema:"required,minLength=1"`
		// Programs find the student's settings (HOME, ~/.kube/config), for a check that judges those. Elsewhere they find none.
		StudentHome bool `yaml:"studentHome"`
	}
)
