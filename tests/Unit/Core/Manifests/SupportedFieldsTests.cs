using System.Text.Json.Serialization.Metadata;
using k8s.Models;
using NativeKubelet.Api.Kubernetes;
using NativeKubelet.Core.Manifests;

namespace NativeKubelet.Tests.Unit.Core.Manifests;

public sealed class SupportedFieldsTests
{
    [Fact]
    public void Every_field_that_the_model_knows_has_a_row()
    {
        List<string> open = [];
        Walk(KubernetesJson.Pod, [], open);

        Assert.Empty(open);

        static void Walk(JsonTypeInfo type, List<string> path, List<string> open)
        {
            foreach (JsonPropertyInfo property in type.Properties)
            {
                List<string> at = [.. path, property.Name];
                if (SupportedFields.RuleFor([.. at]) is not null) continue;
                JsonTypeInfo inner = type.Options.GetTypeInfo(property.PropertyType);
                while (inner.ElementType is { } element) inner = type.Options.GetTypeInfo(element);
                if (inner.Kind == JsonTypeInfoKind.Object) Walk(inner, at, open);
                else if (inner.Kind == JsonTypeInfoKind.None && property.Name is "limits" or "requests") continue; // rows by resource name
                else open.Add(string.Join('.', at));
            }
        }
    }

    [Fact]
    public void Refused_and_ignored_rows_say_why() =>
        Assert.All(FieldTable.Rows.Where(r => r.Effect != FieldEffect.Works || r.Only.Length > 0), r => Assert.NotEmpty(r.Note));

    [Fact]
    public void No_path_has_two_rows() => Assert.Equal(FieldTable.Rows.Length, FieldTable.Rows.Select(r => r.Path).Distinct().Count());

    [Fact]
    public void What_only_an_API_server_gives_is_refused_to_the_nodes_own_pods_and_works_for_pods_of_a_cluster()
    {
        V1Pod pod = new()
        {
            Metadata = new() { Name = "web", Annotations = new Dictionary<string, string> { [StaticPodIdentity.SourceAnnotation] = "api" } },
            Spec = new()
            {
                ServiceAccount = "default",
                ServiceAccountName = "default",
                NodeName = "a",
                Priority = 0,
                PreemptionPolicy = "PreemptLowerPriority",
                SchedulerName = "default-scheduler",
                EnableServiceLinks = true,
                SecurityContext = new(),
                Tolerations = [new() { Key = "node.kubernetes.io/not-ready", Effect = "NoExecute", OperatorProperty = "Exists", TolerationSeconds = 300 }],
                Containers = [new() { Name = "main", Image = "i", Resources = new(), VolumeMounts = [new() { Name = "kube-api-access-x", MountPath = "/var/run/secrets/kubernetes.io/serviceaccount", ReadOnlyProperty = true }] }],
                Volumes =
                [
                    new()
                    {
                        Name = "kube-api-access-x",
                        Projected = new()
                        {
                            DefaultMode = 420,
                            Sources =
                            [
                                new() { ServiceAccountToken = new() { Path = "token", ExpirationSeconds = 3607 } },
                                new() { ConfigMap = new() { Name = "kube-root-ca.crt", Items = [new() { Key = "ca.crt", Path = "ca.crt" }] } },
                                new() { DownwardAPI = new() { Items = [new() { Path = "namespace", FieldRef = new() { ApiVersion = "v1", FieldPath = "metadata.namespace" } }] } },
                            ],
                        },
                    },
                ],
            },
        };

        Assert.Empty(SupportedFields.Refused(pod));

        pod.Metadata.Annotations[StaticPodIdentity.SourceAnnotation] = "file";
        Assert.Equal(
            ["spec.serviceAccount", "spec.serviceAccountName", "spec.volumes[0].projected.sources[0].serviceAccountToken"], SupportedFields.Refused(pod).Select(f => f.Path).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_pod_of_all_that_works_is_refused_nothing()
    {
        V1Pod pod = Manifest.Pod(Manifest.Yaml(
            """
            command: [sh]
            args: [-c, 'true']
            env: [{name: A, value: b}, {name: B, valueFrom: {fieldRef: {fieldPath: metadata.name}}}, {name: C, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 1m}}}]
            workingDir: /tmp
            resources: {limits: {cpu: 1, memory: 64Mi, ephemeral-storage: 2Gi}, requests: {cpu: 100m, ephemeral-storage: 1Gi}}
            ports: [{containerPort: 80, hostPort: 8080, name: web}]
            stdin: true
            tty: true
            livenessProbe: {httpGet: {port: web, httpHeaders: [{name: A, value: b}]}, terminationGracePeriodSeconds: 5}
            readinessProbe: {tcpSocket: {port: 80}}
            startupProbe: {grpc: {port: 80}}
            lifecycle: {postStart: {sleep: {seconds: 0}}, preStop: {exec: {command: [a]}}}
            securityContext: {runAsUser: 1, runAsGroup: 1, runAsNonRoot: true, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}, seccompProfile: {type: Unconfined}, procMount: Default}
            volumeMounts: [{name: h, mountPath: /h, readOnly: true}, {name: e, mountPath: /e, mountPropagation: None}]
            """,
            """
            restartPolicy: OnFailure
            hostPID: true
            hostUsers: true
            terminationGracePeriodSeconds: 1
            activeDeadlineSeconds: 5
            dnsPolicy: Default
            dnsConfig: {options: [{name: ndots, value: '1'}]}
            hostAliases: [{ip: 1.2.3.4, hostnames: [a]}]
            nodeSelector: {a: b}
            priorityClassName: system-node-critical
            initContainers: [{name: i, image: i, env: [{name: A, value: b}]}, {name: s, image: i, restartPolicy: Always}]
            securityContext: {supplementalGroups: [5], runAsUser: 7, sysctls: []}
            volumes: [{name: h, hostPath: {path: /srv}}, {name: e, emptyDir: {}}]
            """));

        Assert.Empty(SupportedFields.Refused(pod));
        Assert.Null(SupportedFields.Refusal(pod, "c"));
    }

    [Theory]
    [InlineData("resources: {limits: {nvidia.com/gpu: 1}}", "spec.containers[0].resources.limits[nvidia.com/gpu]", "spec.containers[0].resources.requests[nvidia.com/gpu]")]
    [InlineData("resources: {claims: [{name: x}]}", "spec.containers[0].resources.claims")]
    public void What_a_container_asks_for_and_does_not_get_is_refused_by_name(string container, params string[] paths)
    {
        V1Pod pod = Manifest.Pod(Manifest.Yaml(container));

        Assert.Equal(paths, SupportedFields.Refused(pod).Select(f => f.Path));
        Assert.Contains(paths[0], SupportedFields.Refusal(pod, "c"), StringComparison.Ordinal);
        Assert.Null(SupportedFields.Refusal(pod, "another"));
    }

    [Theory]
    [InlineData("volumes: [{name: v, nfs: {server: a, path: /b}}]", "spec.volumes[0].nfs")]
    public void What_the_pod_asks_for_and_does_not_get_keeps_every_container_from_starting(string spec, string path)
    {
        V1Pod pod = Manifest.Pod(Manifest.Yaml(spec: spec));

        Assert.Equal([path], SupportedFields.Refused(pod).Select(f => f.Path));
        Assert.NotNull(SupportedFields.Refusal(pod, "c"));
    }

    [Fact]
    public void What_an_init_container_asks_for_and_does_not_get_keeps_that_one_from_starting()
    {
        V1Pod pod = Manifest.Pod(Manifest.Yaml(spec: "initContainers: [{name: i, image: i}, {name: j, image: i, resources: {claims: [{name: x}]}}]"));

        Assert.Equal(["spec.initContainers[1].resources.claims"], SupportedFields.Refused(pod).Select(f => f.Path));
        Assert.NotNull(SupportedFields.Refusal(pod, "j"));
        Assert.Null(SupportedFields.Refusal(pod, "i"));
    }

    [Fact]
    public void Volumes_and_mounts_that_need_no_server_are_acted_on()
    {
        V1Pod pod = Manifest.Pod(Manifest.Yaml(
            "volumeMounts: [{name: a, mountPath: /a, subPath: x}, {name: b, mountPath: /b, mountPropagation: HostToContainer}, {name: c, mountPath: /c, readOnly: true, recursiveReadOnly: Enabled}]",
            """
            securityContext: {fsGroup: 5, fsGroupChangePolicy: OnRootMismatch}
            volumes:
            - {name: a, emptyDir: {medium: Memory, sizeLimit: 1Gi}}
            - {name: b, hostPath: {path: /x}}
            - {name: c, configMap: {name: m, items: [{key: k, path: p}]}}
            - {name: d, projected: {sources: [{secret: {name: s}}, {downwardAPI: {items: [{path: l, fieldRef: {fieldPath: metadata.labels}}]}}]}}
            - {name: e, persistentVolumeClaim: {claimName: data}}
            - {name: f, image: {reference: busybox}}
            """));

        Assert.Empty(SupportedFields.Refused(pod));
    }
}
