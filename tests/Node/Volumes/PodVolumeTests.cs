using System.Text.Json;
using NativeKubelet.Api.Local;
using NativeKubelet.Linux.Mounts;
using NativeKubelet.Tests.Node.Agent;

namespace NativeKubelet.Tests.Node.Volumes;

/// <summary>Volumes as pods see them: the program, real runc, real mounts.</summary>
public sealed class PodVolumeTests
{
    [Fact]
    public async Task A_changed_ConfigMap_reaches_a_running_pod_and_a_changed_Secret_too()
    {
        await using AgentHost node = new();
        await node.StartAsync();
        node.Write("objects.yaml", Objects("one", "hush-one"));
        node.Write("web.yaml", Pod("web", "while true; do echo $(cat /m/level) $(cat /s/token); sleep 0.1; done",
            "[{name: m, configMap: {name: settings}}, {name: s, secret: {secretName: key}}]", "[{name: m, mountPath: /m}, {name: s, mountPath: /s}]"));
        PodDocument pod = await node.RunningAsync("web");
        await LoggedAsync(node, pod, "one hush-one");

        node.Write("objects.yaml", Objects("two", "hush-two"));
        await LoggedAsync(node, pod, "two hush-two");

        Assert.Equal(0, (await node.RunningAsync("web")).Restarts);
        Assert.DoesNotContain("hush", node.Said, StringComparison.Ordinal);
        node.Remove("web.yaml");
        await node.PodsAsync(pods => pods.Count == 0);
        Assert.DoesNotContain(MountInfo.ReadOwn(), m => m.MountPoint.StartsWith(node["kubelet/pods"], StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_pod_waits_for_its_Secret_in_the_words_of_the_original_and_starts_when_it_comes()
    {
        await using AgentHost node = new();
        await node.StartAsync();
        node.Write("web.yaml", Pod("web", "echo $(cat /s/token); sleep 1000", "[{name: s, secret: {secretName: key}}]", "[{name: s, mountPath: /s}]"));
        await EventAsync(node, "FailedMount", "MountVolume.SetUp failed for volume \"s\" : secret \"key\" not found");

        node.Write("objects.yaml", Objects("one", "hush"));
        PodDocument pod = await node.RunningAsync("web");
        await LoggedAsync(node, pod, "hush");
    }

    [Fact]
    public async Task A_pod_whose_ConfigMap_is_gone_runs_on_through_restarts_of_container_and_agent()
    {
        await using AgentHost node = new();
        await node.StartAsync();
        node.Write("objects.yaml", Objects("one", "hush"));
        node.Write("web.yaml", Pod("web", "cat /m/level; sleep 1; exit 1", "[{name: m, configMap: {name: settings}}]", "[{name: m, mountPath: /m}]"));
        await node.RunningAsync("web");

        node.Remove("objects.yaml");
        await EventAsync(node, "FailedMount", "configmap \"settings\" not found");
        await node.KillAsync();
        await node.StartAsync();
        PodDocument again = (await node.PodsAsync(pods => pods.Any(p => p.Restarts >= 1 && p.Status is "Running" or "CrashLoopBackOff" or "Error")))[0];
        Assert.True(again.Restarts >= 1);
    }

    [Fact]
    public async Task A_link_that_one_container_lays_leads_its_neighbour_nowhere()
    {
        await using AgentHost node = new();
        await node.StartAsync();
        node.Write("web.yaml", $$"""
            apiVersion: v1
            kind: Pod
            metadata: {name: web}
            spec:
              hostNetwork: true
              terminationGracePeriodSeconds: 1
              volumes: [{name: v, emptyDir: {} }]
              containers:
              - {name: evil, image: {{AgentHost.Image}}, imagePullPolicy: Never, command: [sh, -c, "while ! [ -L /v/out ]; do rm -rf /v/out; ln -s / /v/out; done; trap exit TERM; sleep 1000 & wait"], volumeMounts: [{name: v, mountPath: /v}]}
              - {name: good, image: {{AgentHost.Image}}, imagePullPolicy: Never, command: [sh, -c, "until [ -L /v/out ]; do sleep 0.1; done; exit 1"], volumeMounts: [{name: v, mountPath: /v}, {name: v, mountPath: /x, subPath: out/etc}]}
            """);
        // Whoever is first: either the path is made in the volume, or the link is there and is refused at the next start.
        IReadOnlyList<PodDocument> pods = await node.PodsAsync(
            pods => pods.Any(p => p.Containers.Any(c => c.Name == "good" && (c.Reason == "CreateContainerConfigError" || c.Message.Contains("subPath", StringComparison.Ordinal)))));
        ContainerDocument good = pods[0].Containers.Single(c => c.Name == "good");
        Assert.Contains("failed to prepare subPath for volumeMount \"v\" of container \"good\"", good.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(node.Root, good.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Mounts_of_the_host_come_to_a_container_that_asks_for_them_and_stay_away_from_others()
    {
        await using AgentHost node = new();
        await node.StartAsync();
        string shared = node["kubelet/shared"];
        Directory.CreateDirectory($"{shared}/in");
        const string script = "while true; do ls /h/in; sleep 0.1; done";
        string volumes = $"[{{name: h, hostPath: {{path: {shared}}}}}]";
        node.Write("with.yaml", Pod("with", script, volumes, "[{name: h, mountPath: /h, mountPropagation: HostToContainer}]"));
        node.Write("none.yaml", Pod("none", script, volumes, "[{name: h, mountPath: /h}]"));
        PodDocument with = await node.RunningAsync("with"), none = await node.RunningAsync("none");

        MountPoint.Tmpfs($"{shared}/in", new(1 << 20, 0x1ED), MountAttributes.None);
        File.WriteAllText($"{shared}/in/seen", "");
        await LoggedAsync(node, with, "seen");
        Assert.DoesNotContain("seen", Log(node, none), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_mount_below_a_read_only_one_is_read_only_where_that_is_asked_for()
    {
        await using AgentHost node = new();
        string outer = node["outer"];
        Directory.CreateDirectory($"{outer}/inner");
        MountPoint.Tmpfs($"{outer}/inner", new(1 << 20, 0x1FF), MountAttributes.None);
        await node.StartAsync();
        node.Write("web.yaml", Pod("web", "touch /a/inner/x && echo plain-writable; touch /b/inner/x || echo recursive-refused; sleep 1000",
            $"[{{name: h, hostPath: {{path: {outer}}}}}]",
            "[{name: h, mountPath: /a, readOnly: true}, {name: h, mountPath: /b, readOnly: true, recursiveReadOnly: Enabled}]"));
        PodDocument pod = await node.RunningAsync("web");

        await LoggedAsync(node, pod, "plain-writable");
        await LoggedAsync(node, pod, "recursive-refused");
    }

    [Fact]
    public async Task A_claims_data_outlives_its_pods_and_the_claims_own_definition()
    {
        await using AgentHost node = new();
        await node.StartAsync();
        node.Write("claim.yaml", "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}");
        node.Write("web.yaml", Pod("web", "echo kept > /d/file; trap exit TERM; sleep 1000 & wait", "[{name: d, persistentVolumeClaim: {claimName: data}}]", "[{name: d, mountPath: /d}]"));
        await node.RunningAsync("web");
        node.Remove("web.yaml");
        node.Remove("claim.yaml");
        await node.PodsAsync(pods => pods.Count == 0);

        node.Write("claim.yaml", "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}");
        node.Write("next.yaml", Pod("next", "cat /d/file; sleep 1000", "[{name: d, persistentVolumeClaim: {claimName: data}}]", "[{name: d, mountPath: /d}]"));
        await LoggedAsync(node, await node.RunningAsync("next"), "kept");
    }

    private static string Objects(string level, string token) =>
        $"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings}}\ndata: {{level: {level}}}\n---\napiVersion: v1\nkind: Secret\nmetadata: {{name: key}}\nstringData: {{token: {token}}}\n";

    private static string Pod(string name, string script, string volumes, string mounts) => $$"""
        apiVersion: v1
        kind: Pod
        metadata: {name: {{name}}}
        spec:
          hostNetwork: true
          terminationGracePeriodSeconds: 1
          volumes: {{volumes}}
          containers:
          - {name: main, image: {{AgentHost.Image}}, imagePullPolicy: Never, command: [sh, -c, {{JsonSerializer.Serialize(script)}}], volumeMounts: {{mounts}}}
        """;

    private static string Log(AgentHost node, PodDocument pod) => string.Concat(
        Directory.EnumerateFiles(node["logs/pods"], "*.log", SearchOption.AllDirectories).Where(f => f.Contains(pod.Uid, StringComparison.Ordinal)).Order(StringComparer.Ordinal).Select(File.ReadAllText));

    private static async Task LoggedAsync(AgentHost node, PodDocument pod, string text)
    {
        CancellationToken deadline = AgentHost.Deadline();
        while (!Log(node, pod).Contains(text, StringComparison.Ordinal))
        {
            Assert.False(deadline.IsCancellationRequested, $"\"{text}\" was never logged: {Log(node, pod)}\n{node.Said}");
            // What a container writes is told to nobody but its log.
            await Task.Delay(20, CancellationToken.None);
        }
    }

    private static async Task EventAsync(AgentHost node, string reason, string text)
    {
        CancellationToken deadline = AgentHost.Deadline();
        while (!node.Said.Replace("\\", "", StringComparison.Ordinal).Contains(text, StringComparison.Ordinal))
        {
            Assert.False(deadline.IsCancellationRequested, $"{reason} \"{text}\" was never told: {node.Said}");
            await Task.Delay(20, CancellationToken.None);
        }
        Assert.Contains(reason, node.Said, StringComparison.Ordinal);
    }
}
