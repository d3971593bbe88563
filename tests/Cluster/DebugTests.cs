using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using NativeKubelet.Linux.Files;
using NativeKubelet.Tests.ApiDouble;
using NativeKubelet.Tests.Cluster.Streams;
using NativeKubelet.Tests.Node.Agent;
using NativeKubelet.Tests.Node.Cli;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;

namespace NativeKubelet.Tests.Cluster;

/// <summary>Ephemeral containers, as the real kubectl debug adds them to pods.</summary>
public sealed class DebugTests
{
    private const string Server = "trap exit TERM; sleep 1000 & wait";
    private const ulong SysPtrace = 1ul << 19;

    [Fact]
    public async Task Kubectl_debug_sees_the_processes_of_its_target_with_the_one_right_more_that_it_asked_for()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        host.Run("web", "exec sleep 4321");
        await host.RunningAsync("web");

        Debug(host, "web", "look", "cat /proc/1/cmdline; readlink /proc/1/root >/dev/null && echo; grep CapEff /proc/self/status; exit 3", "--target=main", "--profile=general");

        JsonNode look = await StatusAsync(host, "web", "look", s => s["state"]!["terminated"] is not null);
        Assert.Equal(("3", "Error", "0"), (Text(look["state"]!["terminated"]!["exitCode"]), Text(look["state"]!["terminated"]!["reason"]), Text(look["restartCount"])));
        Assert.Null(look["started"]);
        string said = host.Kubectl("logs", "web", "-c", "look").Out;
        Assert.StartsWith("sleep\04321\0\n", said, StringComparison.Ordinal);
        Assert.Equal(Capabilities(host.Kubectl("exec", "web", "-c", "main", "--", "grep", "CapEff", "/proc/self/status").Out) | SysPtrace, Capabilities(said));
        Assert.Equal("True", ClusterHost.Condition(host.Api.Find("pods", "web")!, "Ready"));
        await host.Api.WaitAsync(
            _ => EventsOf(host, "web").Any(e => Text(e["reason"]) == "Started" && Text(e["involvedObject"]!["fieldPath"]) == "spec.ephemeralContainers{look}") ? "told" : null, AgentHost.Deadline());
    }

    [Fact]
    public async Task A_person_debugs_on_the_spot()
    {
        await using StreamHost host = await StreamHost.StartAsync("exec sleep 4321");

        var said = await host.KubectlAsync(
            "world\n"u8.ToArray(), "debug", "-i", "web", $"--image={AgentHost.Image}", "--image-pull-policy=Never", "--profile=general", "--container=talk", "--", "sh", "-c", "read name; echo hello $name");

        Assert.Contains("hello world", System.Text.Encoding.UTF8.GetString(said.Out), StringComparison.Ordinal);
        Assert.Equal(0, said.Code);
    }

    [Fact]
    public async Task A_person_debugs_on_a_terminal()
    {
        await using StreamHost host = await StreamHost.StartAsync("exec sleep 4321");
        using Pty user = new();
        string terminal = new FileInfo($"/proc/self/fd/{user.Inner.Number}").LinkTarget!;

        using Process debug = host.KubectlOn(
            terminal, $"debug -it web --image={AgentHost.Image} --image-pull-policy=Never --profile=general --target=main --container=talk -- sh -c 'read name; echo hello $name from $(cat /proc/1/comm); tty'");
        // What is typed before it is attached waits in the terminal.
        OpenedFile.Write(user.Outer, "world\r"u8, "pty");
        string said = await ExecTests.ExpectAsync(user.Outer, "/dev/pts/");

        Assert.Contains("hello world from sleep", said, StringComparison.Ordinal);
        await debug.WaitForExitAsync(AgentHost.Deadline());
    }

    [Fact]
    public async Task It_runs_once_whatever_becomes_of_the_agent_and_the_containers_beside_it()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        host.Run("web", Server);
        await host.RunningAsync("web");
        Debug(host, "web", "once", "exit 0");
        Debug(host, "web", "stays", "sleep 1000 & wait");
        string ended = Id(await StatusAsync(host, "web", "once", s => s["state"]!["terminated"] is not null));
        string running = Id(await StatusAsync(host, "web", "stays", s => s["state"]!["running"] is not null));

        await host.Agent.KillAsync();
        await host.StartAgentAsync();
        host.Run("marker", Server);
        await host.RunningAsync("marker");
        host.Kubectl("exec", "web", "-c", "main", "--", "kill", "1");      // which it may not live to tell of
        await host.PodAsync("web", p => Text(p["status"]!["containerStatuses"]![0]!["restartCount"]) == "1" && ClusterHost.Condition(p, "Ready") == "True");

        Assert.Equal(ended, Id(await StatusAsync(host, "web", "once", s => s["state"]!["terminated"] is not null)));
        Assert.Equal(running, Id(await StatusAsync(host, "web", "stays", s => s["state"]!["running"] is not null)));
        Assert.Equal("0", host.Kubectl("exec", "web", "-c", "stays", "--", "sh", "-c", "kill -0 1; echo $?").Out.Trim());

        host.Api.Delete("pods", "web");
        await host.GoneAsync("pods", "web");
        await host.Agent.PodsAsync(pods => pods.All(p => p.Name != "web"));
    }

    [Fact]
    public async Task A_pod_that_crashes_or_never_gets_past_its_init_containers_can_be_debugged()
    {
        await using ClusterHost host = await ClusterHost.StartAsync();
        await host.ReadyAsync();
        host.Run("crash", "exit 1");
        host.Run("stuck", Server, spec: s => s["initContainers"] = new JsonArray(new JsonObject
        {
            ["name"] = "setup",
            ["image"] = AgentHost.Image,
            ["imagePullPolicy"] = "Never",
            ["command"] = new JsonArray("sh", "-c", "exit 1"),
        }));
        await host.PodAsync("crash", p => Text(p["status"]!["containerStatuses"]?[0]?["state"]?["waiting"]?["reason"]) == "CrashLoopBackOff");
        await host.PodAsync("stuck", p => Text(p["status"]!["initContainerStatuses"]?[0]?["state"]?["waiting"]?["reason"]) == "CrashLoopBackOff");

        Debug(host, "crash", "look", "test $(cat /proc/1/comm) = sh");
        Debug(host, "stuck", "look", "exit 0");
        Debug(host, "stuck", "peek", "exit 0", "--target=main");

        Assert.Equal("0", Text((await StatusAsync(host, "crash", "look", s => s["state"]!["terminated"] is not null))["state"]!["terminated"]!["exitCode"]));
        await StatusAsync(host, "stuck", "look", s => s["state"]!["terminated"] is not null);
        JsonNode peek = await StatusAsync(host, "stuck", "peek", s => Text(s["state"]!["waiting"]?["reason"]) == "CreateContainerConfigError");
        Assert.Equal("unable to find target container main", Text(peek["state"]!["waiting"]!["message"]));
        Assert.Equal("Pending", Text(host.Api.Find("pods", "stuck")!["status"]!["phase"]));
    }

    private static void Debug(ClusterHost host, string pod, string name, string script, params string[] more)
    {
        var (code, _, error) = host.Kubectl(["debug", pod, $"--image={AgentHost.Image}", "--image-pull-policy=Never", $"--container={name}", .. more, "--", "sh", "-c", script]);
        Assert.True(code == 0, error);
    }

    private static async Task<JsonNode> StatusAsync(ClusterHost host, string pod, string name, Func<JsonNode, bool> wanted)
    {
        JsonNode? Find(JsonObject p) => (p["status"]?["ephemeralContainerStatuses"] as JsonArray)?.FirstOrDefault(s => Text(s!["name"]) == name);
        return Find(await host.PodAsync(pod, p => Find(p) is { } status && wanted(status)))!;
    }

    private static IEnumerable<JsonObject> EventsOf(ClusterHost host, string pod) =>
        host.Api.Store.List(ResourceKind.Find("", "v1", "events")!, "default").Items.Where(e => Text(e["involvedObject"]!["name"]) == pod);

    private static string Id(JsonNode status) => Text(status["containerID"]);

    private static ulong Capabilities(string text) =>
        ulong.Parse(text[(text.IndexOf("CapEff:", StringComparison.Ordinal) + 7)..].Trim().Split('\n')[0].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
