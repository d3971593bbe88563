using NativeKubelet.Api.Local;

namespace NativeKubelet.Tests.Node.Agent;

/// <summary>
/// Manifests of somebody who means harm, or types badly, all at once on one node: each is refused in words that name the fault,
/// none is run, and the pod beside them never notices.
/// </summary>
public sealed class HostileManifestTests
{
    private const string Victim = "/etc/nk-test-hostile";

    /// <summary>Content, and what is said of it: by the source for what is no pod, else by the container that waits.</summary>
    private static readonly (string Name, string Content, string Says)[] Attacks =
    [
        ("empty", "", ""),
        ("binary", "\0\u0001\u0002", "no Kubernetes object"),
        ("broken", "apiVersion: v1\nkind: Pod\nmetadata: {name: a\n", "line"),
        ("tabs", "apiVersion: v1\n\tkind: Pod\n", "line 1"),
        ("laughs", "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n", ""),
        ("deep", new string('[', 100_000), ""),
        ("twice", "apiVersion: v1\nkind: Pod\nmetadata: {name: a, name: b}\n", "name"),
        ("list", "apiVersion: v1\nkind: PodList\nitems: {}\n", ""),
        ("other", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n", "Deployment"),
        ("upwards", Pod("../../etc", Container()), "metadata.name"),
        ("newline", Pod("\"a\\nb\"", Container()), "metadata.name"),
        ("space", Pod("space", Container(), "namespace: ../x"), "metadata.namespace"),
        ("uid", Pod("uid", Container(), "uid: ../../../etc"), "uid"),
        ("twins", Pod("twins", Container() + "\n  " + Container()), "uplicate"),
        ("container", Pod("container", Container(name: "../../x")), "spec.containers[0].name"),
        ("huge", Pod("huge", Container("securityContext: {runAsUser: 4294967296}")), "runAsUser"),
        ("negative", Pod("negative", Container("resources: {limits: {memory: \"-1\"}}")), "memory"),
        ("overflow", Pod("overflow", Container("resources: {limits: {cpu: \"99999999999999999999999\"}}")), "cpu"),
        ("relative", Pod("relative", Container("workingDir: proc/self/fd/7")), "workingDir"),
        ("procfd", Pod("procfd", Container("workingDir: /proc/self/fd/7")), "/proc"),
        ("dotproc", Pod("dotproc", Container("workingDir: /tmp/../proc/self/fd/7")), "/proc"),
        ("overproc", Pod("overproc", Container("volumeMounts: [{name: v, mountPath: /proc/sys}]"), spec: "volumes: [{name: v, emptyDir: {}}]"), "/proc"),
        ("escape", Pod("escape", Container("volumeMounts: [{name: v, mountPath: /v}]"), spec: "volumes: [{name: v, hostPath: {path: /var/../etc}}]"), ".."),
        ("subpath", Pod("subpath", Container("volumeMounts: [{name: v, mountPath: /v, subPath: ../../etc}]"), spec: "volumes: [{name: v, emptyDir: {}}]"), "subPath"),
        ("gitrepo", Pod("gitrepo", Container("volumeMounts: [{name: v, mountPath: /v}]"), spec: $"volumes: [{{name: v, gitRepo: {{repository: \"--upload-pack=touch {Victim}\"}}}}]"), "gitRepo"),
        ("sysctl", Pod("sysctl", Container(), spec: "securityContext: {sysctls: [{name: kernel.core_pattern, value: \"|/bin/sh\"}]}"), "sysctl"),
        ("sysctls", Pod("sysctls", Container(), spec: "securityContext: {sysctls: [{name: \"kernel.shm_rmid_forced+kernel.core_pattern\", value: \"|x\"}]}"), "sysctl"),
        ("seccomp", Pod("seccomp", Container("securityContext: {seccompProfile: {type: Localhost, localhostProfile: ../../../etc/passwd}}")), "eccomp"),
        ("unseccomp", Pod("unseccomp", Container("securityContext: {seccompProfile: {type: Localhost, localhostProfile: \"\"}}")), "eccomp"),
        ("capability", Pod("capability", Container("securityContext: {capabilities: {add: [\"CAP_ALL; rm\"]}}")), "capabilit"),
        ("image", Pod("image", Container(image: "../../../etc/passwd")), "invalid reference format"),
        ("variable", Pod("variable", Container("env: [{name: \"A=B\\nC\", value: x}]")), "env"),
        ("port", Pod("port", Container("ports: [{containerPort: 70000}]")), "containerPort"),
        ("program", Pod("program", Container(command: "[\"\\0/bin/sh\"]")), "command"),
    ];

    [Fact]
    public async Task Each_is_refused_in_words_and_the_pod_beside_them_runs_on()
    {
        await using AgentHost node = new();
        node.Write("steady.yaml", AgentHost.Pod("steady", "trap exit TERM; sleep 1000 & wait"));
        await node.StartAsync("--file-check-frequency=1s");
        PodDocument before = await node.RunningAsync("steady");

        foreach ((string name, string content, _) in Attacks) node.Write($"{name}.yaml", content);
        File.CreateSymbolicLink(Path.Combine(node.Manifests, "zero.yaml"), "/dev/zero");
        Images.Tool.Run("/usr/bin/mkfifo", Path.Combine(node.Manifests, "fifo.yaml"));
        node.Write("last.yaml", AgentHost.Pod("last", "trap exit TERM; sleep 1000 & wait"));
        await node.RunningAsync("last");

        Assert.Empty(await UnheardAsync(node));
        IReadOnlyList<PodDocument> pods = await node.PodsAsync(_ => true);
        Assert.All(pods.Where(p => !AgentHost.Is(p, "steady") && !AgentHost.Is(p, "last")), p => Assert.All(p.Containers, c => Assert.True(c.State != "running", $"{p.Name} runs")));
        PodDocument after = pods.Single(p => AgentHost.Is(p, "steady"));
        Assert.Equal((before.Containers[0].Id, 0), (after.Containers[0].Id, after.Restarts));
        Assert.False(File.Exists(Victim));

        foreach (string file in Directory.GetFiles(node.Manifests).Where(f => Path.GetFileName(f) != "steady.yaml")) File.Delete(file);
        await node.PodsAsync(all => all.Count == 1);
    }

    /// <returns>What was not said in time, and what was said instead.</returns>
    private static async Task<string[]> UnheardAsync(AgentHost node)
    {
        for (CancellationToken deadline = AgentHost.Deadline(30); ; await Task.Delay(100, CancellationToken.None))
        {
            ProblemListDocument problems = await node.Client.GetAsync("/v1/problems", LocalJson.Default.ProblemListDocument, AgentHost.Deadline());
            IReadOnlyList<PodDocument> pods = await node.PodsAsync(_ => true);
            string[] unheard = [.. from attack in Attacks let heard = Heard(attack.Name, problems, pods) where !heard.Contains(attack.Says, StringComparison.OrdinalIgnoreCase) select $"{attack.Name}: {heard}"];
            if (unheard.Length == 0 || deadline.IsCancellationRequested) return unheard;
        }
    }

    private static string Heard(string name, ProblemListDocument problems, IReadOnlyList<PodDocument> pods)
    {
        IEnumerable<string> refused = problems.Problems.Where(p => p.Origin.EndsWith($"/{name}.yaml", StringComparison.Ordinal)).Select(p => $"line {p.Line} {p.Field} {p.Message}");
        IEnumerable<string> waiting = pods.Where(p => AgentHost.Is(p, name)).SelectMany(p => p.Containers.Select(c => $"{c.State} {c.Reason} {c.Message}").Append(p.Message));
        return string.Join("; ", refused.Concat(waiting));
    }

    private static string Pod(string name, string containers, string metadata = "", string spec = "") => $$"""
        apiVersion: v1
        kind: Pod
        metadata:
          name: {{name}}
          {{metadata}}
        spec:
          hostNetwork: true
          {{spec}}
          containers:
          {{containers}}
        """;

    private static string Container(string more = "", string name = "main", string image = AgentHost.Image, string command = "[sh, -c, \"trap exit TERM; sleep 1000 & wait\"]") =>
        $"- name: {name}\n    image: {image}\n    imagePullPolicy: Never\n    command: {command}\n    {more}";
}
