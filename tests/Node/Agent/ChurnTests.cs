using System.Globalization;

namespace NativeKubelet.Tests.Node.Agent;

/// <summary>
/// Pods come and go, with addresses, ports and volumes of their own; the machine and the agent are afterwards what they were.
/// Two hundred by default; two thousand are an explicit test (-explicit only).
/// </summary>
public sealed class ChurnTests
{
    private const int AtOnce = 10, WarmUp = 40, MostGrowth = 2 << 20;

    [Fact]
    public Task After_two_hundred_pods_nothing_is_left_and_the_agent_has_not_grown() => HoldsAsync(200);

    [Fact(Explicit = true)]
    public Task Nor_after_two_thousand() => HoldsAsync(2000);

    private static async Task HoldsAsync(int pods)
    {
        await using AgentHost node = new();
        await node.StartAsync();
        await Churn.RunAsync(node, 0, WarmUp, AtOnce);
        string[] before = await Churn.SettledAsync(node);
        (long memory, int descriptors) = (Memory(node.Pid), Descriptors(node.Pid));

        await Churn.RunAsync(node, WarmUp, pods - WarmUp, AtOnce);

        string[] after = await Churn.SettledAsync(node);
        Assert.Equal(before, after);
        // A connection of ours may be on its way out, now as well as before.
        for (CancellationToken deadline = AgentHost.Deadline(); Descriptors(node.Pid) > descriptors; await Task.Delay(50, CancellationToken.None))
            Assert.False(deadline.IsCancellationRequested, $"{Descriptors(node.Pid)} file descriptors, {descriptors} before: {Open(node.Pid)}");
        // A jitted agent compiles on and on; only the program that is delivered can be held to this.
        if (ProgramFile.IsNative)
            for (CancellationToken deadline = AgentHost.Deadline(); Memory(node.Pid) - memory > MostGrowth; await Task.Delay(500, CancellationToken.None))
                Assert.False(deadline.IsCancellationRequested, $"{Memory(node.Pid)} bytes of anonymous memory, {memory} before");
    }

    private static long Memory(int pid) => long.Parse(
        File.ReadLines($"/proc/{pid}/status").Single(l => l.StartsWith("RssAnon:", StringComparison.Ordinal)).Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture) * 1024;

    private static int Descriptors(int pid) => Directory.GetFileSystemEntries($"/proc/{pid}/fd").Length;

    private static string Open(int pid) => string.Join(", ", Directory.GetFileSystemEntries($"/proc/{pid}/fd").Select(f => new FileInfo(f).LinkTarget));
}
