using System.Collections.Immutable;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Events;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Stats;
using NativeKubelet.Status;
using NativeKubelet.Tests.Unit.App.Server.Local;

namespace NativeKubelet.Tests.Unit.App.Cli;

public sealed class DescribeVerbTests
{
    [Fact]
    public async Task A_pod_is_told_with_its_own_events_only()
    {
        await using FakeNode node = new FakeNode().Start();
        PodView pod = node.Publish("web");
        node.Publish("webber");
        pod.Pod.Spec.Containers[0].Command = ["sh", "-c", "echo it's"];
        pod.Pod.Spec.Containers[0].VolumeMounts = [new() { Name = "data", MountPath = "/data", ReadOnlyProperty = true }];
        pod.Pod.Spec.Volumes = [new() { Name = "data", HostPath = new() { Path = "/srv", Type = "Directory" } }, new() { Name = "tmp", EmptyDir = new() }];
        pod.Pod.Status = new()
        {
            HostIP = "192.0.2.1",
            Conditions = [new() { Type = "Ready", Status = "False", Reason = "ContainersNotReady", Message = "containers with unready status: [web]" }],
            ContainerStatuses =
            [
                new()
                {
                    Name = "web", Image = "busybox:1", ImageID = "busybox@sha256:1", ContainerID = "nativekubelet://1", RestartCount = 3,
                    State = new() { Waiting = new() { Reason = "CrashLoopBackOff", Message = "back-off 10s" } },
                    LastState = new() { Terminated = new() { ExitCode = 1, Reason = "Error", StartedAt = FakeNode.T0.UtcDateTime, FinishedAt = FakeNode.T0.UtcDateTime } },
                },
            ],
        };
        node.EventLog.Record(EventType.Warning, "BackOff", "pod/default/web", pod.Uid, "web", "restarting");
        node.EventLog.Record(EventType.Normal, "Started", "pod/default/webber", "uid-default-webber", "web", "other pod");

        VerbRun run = await VerbRun.Of(node, "describe", "web");

        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Equal("""
            Name:             web
            Namespace:        default
            UID:              uid-default-web
            Source:           <none>
            Node:             192.0.2.1
            Start Time:       Fri, 02 Jan 2026 03:04:05 +0000
            Labels:           <none>
            Annotations:      <none>
            Status:           Running
            IP:               10.88.0.2
            Containers:
              web:
                Container ID:     nativekubelet://1
                Image:            busybox:1
                Image ID:         busybox@sha256:1
                Ports:            <none>
                Command:          sh -c 'echo it'\''s'
                State:            Waiting
                  Reason:           CrashLoopBackOff
                  Message:          back-off 10s
                Last State:       Terminated
                  Reason:           Error
                  Exit Code:        1
                  Started:          Fri, 02 Jan 2026 03:04:05 +0000
                  Finished:         Fri, 02 Jan 2026 03:04:05 +0000
                Ready:            False
                Restart Count:    3
                Environment:      <none>
                Mounts:
                  /data from data (ro)
            Conditions:
              Ready                       False   ContainersNotReady: containers with unready status: [web]
            Volumes:
              data: hostPath path /srv, type Directory
              tmp: emptyDir
            QoS Class:        BestEffort
            Restart Policy:   Always
            Events:
              TYPE     REASON   AGE  MESSAGE
              Warning  BackOff  0s   web: restarting

            """, run.Out);
    }

    [Fact]
    public async Task Containers_for_debugging_are_told_after_the_others_and_found_by_name()
    {
        await using FakeNode node = new FakeNode().Start();
        PodView pod = node.Publish("web");
        pod.Pod.Spec.EphemeralContainers = [new() { Name = "look", Image = "busybox:2" }];
        pod.Pod.Status = new() { EphemeralContainerStatuses = [new() { Name = "look", Image = "busybox:2", ImageID = "busybox@sha256:2", State = new() { Terminated = new() { ExitCode = 3, Reason = "Error" } } }] };

        VerbRun run = await VerbRun.Of(node, "describe", "web"), unknown = await VerbRun.Of(node, "logs", "web", "-c", "else");

        string own = run.Out[run.Out.IndexOf("Ephemeral Containers:", StringComparison.Ordinal)..];
        Assert.StartsWith("Ephemeral Containers:\n  look:\n", own, StringComparison.Ordinal);
        Assert.Contains("Exit Code:        3", own, StringComparison.Ordinal);
        Assert.Contains("it has: web and, for debugging, look", unknown.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_manifest_that_became_no_pod_is_told_by_its_file_or_name()
    {
        await using FakeNode node = new FakeNode().Start();
        node.Problems = [new("/etc/kubernetes/manifests/broken.yaml", 1, 12, "spec.containers", "Required value", ProblemSeverity.Error, FakeNode.T0)];

        VerbRun told = await VerbRun.Of(node, "describe", "broken"), none = await VerbRun.Of(node, "describe", "other");

        Assert.Equal("""
            Manifest:  /etc/kubernetes/manifests/broken.yaml
            Status:    refused; nothing of it runs
            Since:     5m
            Problems:
              error, line 12: spec.containers: Required value

            """, told.Out);
        Assert.Equal((0, 1), (told.Code, none.Code));
        Assert.Contains("no pod \"other\" on this node", none.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Events_are_chosen_by_pod_and_namespace()
    {
        await using FakeNode node = new FakeNode().Start();
        node.EventLog.Record(EventType.Normal, "Started", "pod/default/web", "u1", "app", "started it");
        node.EventLog.Record(EventType.Normal, "Started", "pod/shop/till", "u2", "", "started\e[2J too");
        node.EventLog.Record(EventType.Warning, "Full", "node/n1", "", "", "disk");

        Assert.Equal(3 + 1, Lines(await VerbRun.Of(node, "events")));
        Assert.Equal(1 + 1, Lines(await VerbRun.Of(node, "events", "-n", "shop")));
        Assert.Contains("app: started it", (await VerbRun.Of(node, "events", "default/web")).Out, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', (await VerbRun.Of(node, "events")).Out);
        Assert.Contains("\"reason\": \"Full\"", (await VerbRun.Of(node, "events", "-o", "json")).Out, StringComparison.Ordinal);
        Assert.Equal("no events\n", (await VerbRun.Of(node, "events", "nope")).Error);
        static int Lines(VerbRun run) => run.Out.TrimEnd('\n').Split('\n').Length;
    }

    [Fact]
    public async Task Top_is_a_table_where_there_is_no_terminal_and_nothing_is_guessed()
    {
        await using FakeNode node = new FakeNode().Start();
        PodView pod = node.Publish("web");
        node.Instance(pod, 1, ContainerPhase.Running);
        UsageSample sample = new(new CgroupUsage(), 250_000_000);
        node.Usage = new(FakeNode.T0, sample, ImmutableDictionary<string, UsageSample>.Empty.Add(pod.Uid, sample), ImmutableDictionary<string, UsageSample>.Empty.Add("id-web-1", sample));

        VerbRun run = await VerbRun.Of(node, "top");

        Assert.StartsWith("""
            NAMESPACE  POD  CONTAINER  CPU   CPU LIMIT  MEMORY  MEMORY LIMIT  PIDS
            default    web  web        250m  -          -       -             -

            node n1: CPU 250m of 
            """.TrimEnd('\n'), run.Out, StringComparison.Ordinal);
        Assert.Contains("\"cpuNanoCores\": 250000000", (await VerbRun.Of(node, "top", "-o", "json")).Out, StringComparison.Ordinal);
    }
}
