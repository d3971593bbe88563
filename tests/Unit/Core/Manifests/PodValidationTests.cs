using NativeKubelet.Core.Manifests;

namespace NativeKubelet.Tests.Unit.Core.Manifests;

public sealed class PodValidationTests
{
    [Theory]
    [InlineData("ports: [{containerPort: 80, hostPort: 70000}]", "spec.containers[0].ports[0].hostPort: Invalid value: 70000: must be between 1 and 65535, inclusive")]
    [InlineData("ports: [{containerPort: 0}]", "spec.containers[0].ports[0].containerPort: Required value")]
    [InlineData("ports: [{containerPort: 80, protocol: ICMP}]", "spec.containers[0].ports[0].protocol: Unsupported value: \"ICMP\": supported values: \"SCTP\", \"TCP\", \"UDP\"")]
    [InlineData("ports: [{containerPort: 80, name: Web}]", "spec.containers[0].ports[0].name: Invalid value: \"Web\": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")]
    [InlineData("ports: [{containerPort: 80, name: a}, {containerPort: 81, name: a}]", "spec.containers[0].ports[1].name: Duplicate value: \"a\"")]
    [InlineData("ports: [{containerPort: 80, hostPort: 8080}, {containerPort: 81, hostPort: 8080}]", "spec.containers[0].ports[1].hostPort: Duplicate value: \"TCP/8080\"")]
    [InlineData("ports: [{containerPort: 80, hostIP: '1'}]", "spec.containers[0].ports[0].hostIP: Invalid value: \"1\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")]
    [InlineData("imagePullPolicy: Sometimes", "spec.containers[0].imagePullPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"IfNotPresent\", \"Never\"")]
    [InlineData("terminationMessagePolicy: X", "spec.containers[0].terminationMessagePolicy: Unsupported value: \"X\": supported values: \"File\", \"FallbackToLogsOnError\"")]
    [InlineData("env: [{name: 'a=b', value: x}]", "spec.containers[0].env[0].name: Invalid value: \"a=b\": a valid environment variable name must consist only of printable ASCII characters other than '='")]
    [InlineData("env: [{name: a, value: \"x\\0y\"}]", "spec.containers[0].env[0].value: Invalid value: \"\": must not contain NUL")]
    [InlineData("env: [{name: a, value: x, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]", "spec.containers[0].env[0].valueFrom: Invalid value: \"\": may not be specified when `value` is not empty")]
    [InlineData("args: [\"a\\0b\"]", "spec.containers[0].args[0]: Invalid value: \"\": must not contain NUL")]
    [InlineData("workingDir: relative", "spec.containers[0].workingDir: Invalid value: \"relative\": must be an absolute path")]
    [InlineData("workingDir: //proc/self/fd/7", "spec.containers[0].workingDir: Invalid value: \"//proc/self/fd/7\": must not be under /proc")]
    [InlineData("volumeMounts: [{name: none, mountPath: /x}]", "spec.containers[0].volumeMounts[0].name: Not found: \"none\"")]
    [InlineData("resources: {limits: {cpu: 1}, requests: {cpu: 2}}", "spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1")]
    [InlineData("resources: {requests: {memory: -1}}", "spec.containers[0].resources.requests[memory]: Invalid value: \"-1\": must be greater than or equal to 0")]
    [InlineData("resources: {limits: {hugepages-2Mi: 2Mi}}", "spec.containers[0].resources: Forbidden: HugePages require cpu or memory")]
    [InlineData("resources: {limits: {example.com/gpu: 1}, requests: {example.com/gpu: 2}}", "spec.containers[0].resources.requests: Invalid value: \"2\": must be equal to example.com/gpu limit of 1")]
    [InlineData("securityContext: {runAsUser: -1}", "spec.containers[0].securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive")]
    [InlineData("securityContext: {runAsUser: 4294967296}", "spec.containers[0].securityContext.runAsUser: Invalid value: 4294967296: must be between 0 and 2147483647, inclusive")]
    [InlineData("securityContext: {runAsGroup: 2147483648}", "spec.containers[0].securityContext.runAsGroup: Invalid value: 2147483648: must be between 0 and 2147483647, inclusive")]
    [InlineData("securityContext: {privileged: true, allowPrivilegeEscalation: false}", "spec.containers[0].securityContext: Invalid value: \"\": cannot set `allowPrivilegeEscalation` to false and `privileged` to true")]
    [InlineData("securityContext: {capabilities: {add: [SYS_ADMIN]}, allowPrivilegeEscalation: false}", "spec.containers[0].securityContext: Invalid value: \"\": cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN")]
    [InlineData("securityContext: {procMount: Unmasked}", "spec.containers[0].securityContext.procMount: Invalid value: \"Unmasked\": `hostUsers` must be false to use `Unmasked`")]
    [InlineData("securityContext: {seccompProfile: {type: Localhost}}", "spec.containers[0].securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost")]
    [InlineData("securityContext: {seccompProfile: {type: Localhost, localhostProfile: ''}}", "spec.containers[0].securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost")]
    [InlineData("securityContext: {seccompProfile: {type: Localhost, localhostProfile: /etc/x}}", "spec.containers[0].securityContext.seccompProfile.localhostProfile: Invalid value: \"/etc/x\": must be a relative path")]
    [InlineData("securityContext: {seccompProfile: {type: Localhost, localhostProfile: a/../../x}}", "spec.containers[0].securityContext.seccompProfile.localhostProfile: Invalid value: \"a/../../x\": must not contain '..'")]
    [InlineData("securityContext: {seccompProfile: {type: Mine}}", "spec.containers[0].securityContext.seccompProfile.type: Unsupported value: \"Mine\": supported values: \"Localhost\", \"RuntimeDefault\", \"Unconfined\"")]
    [InlineData("livenessProbe: {periodSeconds: 1}", "spec.containers[0].livenessProbe: Required value: must specify a handler type")]
    [InlineData("livenessProbe: {exec: {command: [a]}, tcpSocket: {port: 1}}", "spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type")]
    [InlineData("livenessProbe: {exec: {command: [a]}, successThreshold: 2}", "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1")]
    [InlineData("readinessProbe: {exec: {command: [a]}, terminationGracePeriodSeconds: 2}", "spec.containers[0].readinessProbe.terminationGracePeriodSeconds: Invalid value: 2: must not be set for readinessProbes")]
    [InlineData("livenessProbe: {tcpSocket: {port: 0}}", "spec.containers[0].livenessProbe.tcpSocket.port: Invalid value: 0: must be between 1 and 65535, inclusive")]
    [InlineData("lifecycle: {preStop: {sleep: {seconds: 31}}}", "spec.containers[0].lifecycle.preStop.sleep.seconds: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)")]
    [InlineData("restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [1]}}]", "spec.containers[0].restartPolicy: Required value: must specify restartPolicy when restart rules are used")]
    public void A_container_field_that_cannot_be_meant_is_refused_in_the_apis_words(string container, string error) =>
        Assert.Equal([error], Manifest.Errors(Manifest.Yaml(container)));

    [Theory]
    [InlineData("restartPolicy: Perhaps", "spec.restartPolicy: Unsupported value: \"Perhaps\": supported values: \"Always\", \"OnFailure\", \"Never\"")]
    [InlineData("activeDeadlineSeconds: 0", "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive")]
    [InlineData("shareProcessNamespace: true\nhostPID: true", "spec.shareProcessNamespace: Invalid value: \"true\": ShareProcessNamespace and HostPID cannot both be enabled")]
    [InlineData("hostUsers: false\nhostPID: true", "spec.hostPID: Forbidden: when `hostUsers` is false")]
    [InlineData("dnsPolicy: None", "spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is None")]
    [InlineData("dnsConfig: {nameservers: [a.b]}", "spec.dnsConfig.nameservers[0]: Invalid value: \"a.b\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")]
    [InlineData("dnsConfig: {options: [{name: \"a\\nnameserver 1.1.1.1\"}]}", "spec.dnsConfig.options[0]: Invalid value: \"a\nnameserver 1.1.1.1\": must not contain blanks or control characters")]
    [InlineData("hostname: a.b", "spec.hostname: Invalid value: \"a.b\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character")]
    [InlineData("hostAliases: [{ip: 1.2.3.4, hostnames: [\"a\\nb\"]}]", "spec.hostAliases[0].hostnames[0]: Invalid value: \"a\nb\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character")]
    [InlineData("volumes: [{name: v}, {name: v}]", "spec.volumes[1].name: Duplicate value: \"v\"")]
    [InlineData("volumes: [{name: v, hostPath: {path: /a/../b}}]", "spec.volumes[0].hostPath.path: Invalid value: \"/a/../b\": must not contain '..'")]
    [InlineData("volumes: [{name: v, hostPath: {path: /a, type: Dir}}]", "spec.volumes[0].hostPath.type: Unsupported value: \"Dir\": supported values: \"\", \"DirectoryOrCreate\", \"Directory\", \"FileOrCreate\", \"File\", \"Socket\", \"CharDevice\", \"BlockDevice\"")]
    [InlineData("volumes: [{name: v, hostPath: {path: /a}, emptyDir: {}}]", "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type")]
    [InlineData("volumes: [{name: v, gitRepo: {repository: x}}]", "spec.volumes[0].gitRepo: Forbidden: gitRepo volumes are refused; clone in a container instead")]
    [InlineData("securityContext: {sysctls: [{name: \"kernel.shm_rmid_forced+net.core\", value: '1'}]}", "spec.securityContext.sysctls[0].name: Invalid value: \"kernel.shm_rmid_forced+net.core\": must have at most 253 characters and match regex ^([a-z0-9][-_a-z0-9]*[./])*[a-z0-9][-_a-z0-9]*$")]
    [InlineData("securityContext: {supplementalGroups: [-1]}", "spec.securityContext.supplementalGroups[0]: Invalid value: -1: must be between 0 and 2147483647, inclusive")]
    [InlineData("ephemeralContainers: [{name: e, image: i}]", "spec.ephemeralContainers: Forbidden: cannot be set on create")]
    [InlineData("schedulingGates: [{name: x}]", "spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared")]
    [InlineData("resources: {limits: {cpu: 1}}", null)]
    [InlineData("resources: {requests: {cpu: 1}, limits: {memory: 1Mi}}", null)]
    [InlineData("initContainers: [{name: c, image: i}]", "spec.containers[0].name: Duplicate value: \"c\"")]
    [InlineData("initContainers: [{name: i, image: i, livenessProbe: {exec: {command: [a]}}}]", "spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always")]
    public void A_pod_field_that_cannot_be_meant_is_refused_in_the_apis_words(string spec, string? error) =>
        Assert.Equal(error is null ? [] : [error], Manifest.Errors(Manifest.Yaml(spec: spec)));

    [Theory]
    [InlineData("serviceAccountName: x", "spec.serviceAccountName", "serviceaccounts")]
    [InlineData("serviceAccount: x", "spec.serviceAccountName", "serviceaccounts")]
    [InlineData("imagePullSecrets: [{name: x}]", "spec.imagePullSecrets", "secrets")]
    [InlineData("resourceClaims: [{name: x}]", "spec.resourceClaims", "resourceclaims")]
    [InlineData("volumes: [{name: v, configMap: {name: x}}]", "spec.volumes[0].configMap", "configmaps")]
    [InlineData("volumes: [{name: v, secret: {secretName: x}}]", "spec.volumes[0].secret", "secrets")]
    [InlineData("volumes: [{name: v, csi: {driver: x}}]", "spec.volumes[0].csi", "csidrivers (via CSI volumes)")]
    [InlineData("volumes: [{name: v, persistentVolumeClaim: {claimName: x}}]", "spec.volumes[0].persistentVolumeClaim", "persistentvolumeclaims")]
    [InlineData("volumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: x}}]}}]", "spec.volumes[0].projected.sources[0].serviceAccountToken", "serviceaccounts (via projected volumes)")]
    [InlineData("volumes: [{name: v, iscsi: {targetPortal: x, iqn: x, lun: 0, secretRef: {name: x}}}]", "spec.volumes[0].iscsi.secretRef", "secrets")]
    public void What_only_an_api_server_knows_may_not_be_referred_to(string spec, string field, string what) =>
        Assert.Equal([$"{field}: static pods may not reference {what}"], Manifest.Errors(Manifest.Yaml(spec: spec), ManifestScope.Joined));

    [Theory]
    [InlineData("env: [{name: a, valueFrom: {secretKeyRef: {name: s, key: k}}}]", "spec.containers[0].env[0].valueFrom.secretKeyRef: static pods may not reference secrets")]
    [InlineData("envFrom: [{configMapRef: {name: s}}]", "spec.containers[0].envFrom[0].configMapRef: static pods may not reference configmaps")]
    public void Neither_may_environments(string container, string error) => Assert.Equal([error], Manifest.Errors(Manifest.Yaml(container), ManifestScope.Joined));

    [Fact]
    public void All_faults_are_told_at_once() => Assert.Equal(3, Manifest.Errors(Manifest.Yaml("ports: [{containerPort: 0}]\ntty: true\nworkingDir: x", "restartPolicy: Nope")).Length);

    [Fact]
    public void Mounts_are_checked_one_by_one()
    {
        string[] errors = Manifest.Errors(Manifest.Yaml(
            "volumeMounts: [{name: v, mountPath: /a}, {name: v, mountPath: /a}, {name: v, mountPath: 'a:b'}, {name: v, mountPath: /c, subPath: ../x}, {name: v, mountPath: /d, mountPropagation: Bidirectional}]",
            "volumes: [{name: v}]"));

        Assert.Equal(
        [
            "spec.containers[0].volumeMounts[1].mountPath: Invalid value: \"/a\": must be unique",
            "spec.containers[0].volumeMounts[2].mountPath: Invalid value: \"a:b\": must not contain ':'",
            "spec.containers[0].volumeMounts[3].subPath: Invalid value: \"../x\": must not contain '..'",
            "spec.containers[0].volumeMounts[4].mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers",
        ], errors);
    }

    [Theory]
    [InlineData("a", true)]
    [InlineData("a-b.c", true)]
    [InlineData("A", false)]
    [InlineData("-a", false)]
    [InlineData("a..b", false)]
    [InlineData("a\n", false)]
    [InlineData("", false)]
    public void Subdomains(string name, bool good) => Assert.Equal(good, NameRules.Subdomain(name) is null);

    [Theory]
    [InlineData("app.kubernetes.io/name", true)]
    [InlineData("a_b.C", true)]
    [InlineData("/a", false)]
    [InlineData("a/", false)]
    [InlineData("a/b/c", false)]
    [InlineData("Up/name", false)]
    public void Qualified_names(string name, bool good) => Assert.Equal(good, NameRules.QualifiedName(name) is null);
}
