namespace NativeKubelet.Tests.Cluster.Kubectl;

/// <summary>What users of any cluster see of pods on this node.</summary>
public sealed class PodTests(AnyCluster cluster) : IClassFixture<AnyCluster>
{
    [Fact]
    public async Task The_node_is_ready_and_holds_its_lease()
    {
        await cluster.KubectlAsync("wait", $"node/{cluster.Node}", "--for=condition=Ready", "--timeout=60s");

        Assert.Equal(cluster.Node, await cluster.KubectlAsync("get", "lease", "-n", "kube-node-lease", cluster.Node, "-o", "jsonpath={.spec.holderIdentity}"));
        Assert.StartsWith("v1.", await cluster.FieldAsync($"node/{cluster.Node}", "{.status.nodeInfo.kubeletVersion}"), StringComparison.Ordinal);
        Assert.NotEqual("", await cluster.FieldAsync($"node/{cluster.Node}", "{.status.allocatable.memory}"));
    }

    [Fact]
    public async Task A_pod_runs_to_its_end_and_its_logs_stay()
    {
        await cluster.RunAsync("job", "echo one; echo two >&2; exit 0", spec: ["restartPolicy: Never"]);
        await cluster.UntilAsync("pod/job", "{.status.phase}", "Succeeded");

        Assert.Equal(["one", "two"], (await cluster.KubectlAsync("logs", "job")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Order());
        Assert.Equal("Completed", await cluster.FieldAsync("pod/job", "{.status.containerStatuses[0].state.terminated.reason}"));
    }

    [Fact]
    public async Task A_pod_that_fails_tells_its_exit_code_and_its_last_words()
    {
        await cluster.RunAsync("fails", "echo -n no disk > /dev/termination-log; exit 3", spec: ["restartPolicy: Never"]);
        await cluster.UntilAsync("pod/fails", "{.status.phase}", "Failed");

        Assert.Equal("3 Error no disk", await cluster.FieldAsync("pod/fails", "{range .status.containerStatuses[0].state.terminated}{.exitCode} {.reason} {.message}{end}"));
    }

    [Fact]
    public async Task A_container_that_ends_is_started_again_after_a_pause()
    {
        await cluster.RunAsync("again", "echo run; exit 1");
        await cluster.UntilAsync("pod/again", "{.status.containerStatuses[0].state.waiting.reason}", "CrashLoopBackOff");

        Assert.NotEqual("0", await cluster.FieldAsync("pod/again", "{.status.containerStatuses[0].restartCount}"));
        Assert.Equal("run\n", await cluster.KubectlAsync("logs", "again", "--previous"));
    }

    [Fact]
    public async Task An_image_that_is_not_to_be_had_is_told()
    {
        await cluster.ApplyAsync($$"""
            apiVersion: v1
            kind: Pod
            metadata: {name: absent}
            spec:
              nodeName: {{cluster.Node}}
              terminationGracePeriodSeconds: 1
              automountServiceAccountToken: false
              containers: [{name: main, image: "localhost/no/such:image", imagePullPolicy: Never}]
            """);
        await cluster.UntilAsync("pod/absent", "{.status.containerStatuses[0].state.waiting.reason}", "ErrImageNeverPull");

        Assert.Equal("Pending", await cluster.FieldAsync("pod/absent", "{.status.phase}"));
        await cluster.KubectlAsync("delete", "pod", "absent", "--timeout=60s");
    }

    [Fact]
    public async Task Init_containers_run_one_after_the_other_before_the_rest()
    {
        await cluster.RunAsync("inits", "cat /work/order; sleep 1000", ["volumeMounts: [{name: work, mountPath: /work}]"],
        [
            "volumes: [{name: work, emptyDir: {}}]",
            "initContainers:",
            $"- {{name: first, image: {cluster.Image}, imagePullPolicy: IfNotPresent, command: [sh, -c, 'echo first >>/work/order'], volumeMounts: [{{name: work, mountPath: /work}}]}}",
            $"- {{name: second, image: {cluster.Image}, imagePullPolicy: IfNotPresent, command: [sh, -c, 'echo second >>/work/order'], volumeMounts: [{{name: work, mountPath: /work}}]}}",
        ]);
        await cluster.ReadyAsync("inits");

        Assert.Equal("first\nsecond\n", await cluster.KubectlAsync("exec", "inits", "--", "cat", "/work/order"));
        Assert.Equal("Completed Completed", await cluster.FieldAsync("pod/inits", "{.status.initContainerStatuses[*].state.terminated.reason}"));
    }

    [Fact]
    public async Task Readiness_follows_its_probe_and_a_failed_liveness_probe_restarts()
    {
        await cluster.RunAsync("probed", ": >/tmp/alive; sleep 1000",
        [
            "readinessProbe: {exec: {command: [test, -e, /tmp/ready]}, periodSeconds: 1}",
            "livenessProbe: {exec: {command: [test, -e, /tmp/alive]}, periodSeconds: 1, failureThreshold: 2, initialDelaySeconds: 1}",
        ]);
        await cluster.UntilAsync("pod/probed", "{.status.containerStatuses[0].started}", "true");
        Assert.Equal("false", await cluster.FieldAsync("pod/probed", "{.status.containerStatuses[0].ready}"));

        await cluster.KubectlAsync("exec", "probed", "--", "touch", "/tmp/ready");
        await cluster.ReadyAsync("probed");
        await cluster.KubectlAsync("exec", "probed", "--", "rm", "/tmp/alive");
        await cluster.UntilAsync("pod/probed", "{.status.containerStatuses[0].restartCount}", "1");
    }

    [Fact]
    public async Task A_deleted_pod_has_its_grace_and_goes()
    {
        await cluster.RunAsync("graceful", "trap 'echo asked to end; exit 0' TERM; echo ready; while :; do sleep 1 & wait $!; done");
        await cluster.ReadyAsync("graceful");
        using System.Diagnostics.Process follow = cluster.Start("logs", "-f", "graceful");
        Assert.Equal("ready", await follow.StandardOutput.ReadLineAsync(Node.TimeLimit.Token()));

        await cluster.KubectlAsync("delete", "pod", "graceful", "--timeout=60s");

        Assert.Equal("asked to end\n", await follow.StandardOutput.ReadToEndAsync(Node.TimeLimit.Token()));
        Assert.NotEqual(0, (await cluster.TryAsync("", "get", "pod", "graceful")).Code);
    }

    [Fact]
    public async Task Events_tell_what_happened_to_a_pod()
    {
        await cluster.RunAsync("told", "sleep 1000");
        await cluster.ReadyAsync("told");
        string uid = await cluster.FieldAsync("pod/told", "{.metadata.uid}");

        for (CancellationToken deadline = Node.TimeLimit.Token(); ; await Task.Delay(100, deadline))
        {
            string[] reasons = (await cluster.KubectlAsync("get", "events", $"--field-selector=involvedObject.uid={uid}", "-o", "jsonpath={.items[*].reason}")).Split(' ');
            if (reasons.Contains("Created") && reasons.Contains("Started")) return;
        }
    }
}
