using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using NativeKubelet.Tests.Node.Agent;

namespace NativeKubelet.Tests.Cluster.Streams;

public sealed class PortForwardTests
{
    private const string Echo = "exec nc -ll -p 8080 -e cat";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Kubectl_port_forward_reaches_what_listens_in_the_pods_own_network(bool spdy)
    {
        await using StreamHost host = await StreamHost.StartAsync(Echo, network: true, spdy: spdy);
        using Process forward = host.Kubectl("port-forward", "pod/web", ":8080"), refused = host.Kubectl("port-forward", "pod/web", ":8081");
        try
        {
            int open = await PortAsync(forward, 8080), closed = await PortAsync(refused, 8081);

            // Two at a time: nc lets two wait to be accepted, and the kernel resets who comes after them.
            for (int i = 0; i < 10; i++) Assert.Equal(["first", "second"], await Task.WhenAll(AskAsync(open, "first"), AskAsync(open, "second")));
            Assert.Equal("", await AskAsync(closed, "nobody there"));
            await SaidAsync(refused, "error forwarding port 8081 to pod web");
        }
        finally
        {
            forward.Kill();
            refused.Kill();
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public Task Sixty_four_MiB_come_back_unchanged(bool spdy) => CarryAsync(64, spdy);

    [Fact(Explicit = true)]
    public Task A_GiB_comes_back_unchanged() => CarryAsync(1024, spdy: true);

    private static async Task CarryAsync(int megabytes, bool spdy)
    {
        await using StreamHost host = await StreamHost.StartAsync(Echo, network: true, spdy: spdy);
        using Process forward = host.Kubectl("port-forward", "pod/web", ":8080");
        try
        {
            using TcpClient client = new();
            await client.ConnectAsync(IPAddress.Loopback, await PortAsync(forward, 8080), AgentHost.Deadline());
            NetworkStream stream = client.GetStream();
            byte[] chunk = [.. Enumerable.Range(0, 1 << 20).Select(i => (byte)(i * 31 >> 4))];
            Task sending = Task.Run(async () =>
            {
                for (int i = 0; i < megabytes; i++)
                {
                    byte[] numbered = [.. chunk];
                    BitConverter.TryWriteBytes(numbered, i);
                    await stream.WriteAsync(numbered);
                }
                client.Client.Shutdown(SocketShutdown.Send);
            });
            byte[] got = new byte[chunk.Length];
            for (int i = 0; i < megabytes; i++)
            {
                await stream.ReadExactlyAsync(got, AgentHost.Deadline());
                Assert.Equal(i, BitConverter.ToInt32(got));
                Assert.True(chunk.AsSpan(4).SequenceEqual(got.AsSpan(4)));
            }
            await sending;
            Assert.Equal(0, await stream.ReadAsync(got, AgentHost.Deadline()));
        }
        finally
        {
            forward.Kill();
        }
    }

    /// <summary>The local port that kubectl has chosen: "Forwarding from 127.0.0.1:41234 -> 8080".</summary>
    private static async Task<int> PortAsync(Process forward, int remote)
    {
        while (await forward.StandardOutput.ReadLineAsync(AgentHost.Deadline()) is { } line)
            if (line.StartsWith("Forwarding from 127.0.0.1:", StringComparison.Ordinal) && line.EndsWith($"-> {remote}", StringComparison.Ordinal))
                return int.Parse(line.Split(':', ' ')[3], CultureInfo.InvariantCulture);
        throw new InvalidOperationException(await forward.StandardError.ReadToEndAsync(AgentHost.Deadline()));
    }

    private static async Task SaidAsync(Process kubectl, string words)
    {
        StringBuilder said = new();
        while (await kubectl.StandardError.ReadLineAsync(AgentHost.Deadline()) is { } line)
            if (said.AppendLine(line) is var _ && line.Contains(words, StringComparison.Ordinal)) return;
        Assert.Fail($"never said \"{words}\" but: {said}");
    }

    private static async Task<string> AskAsync(int port, string words)
    {
        using TcpClient client = new();
        await client.ConnectAsync(IPAddress.Loopback, port, AgentHost.Deadline());
        NetworkStream stream = client.GetStream();
        try
        {
            await stream.WriteAsync(Encoding.UTF8.GetBytes(words), AgentHost.Deadline());
            client.Client.Shutdown(SocketShutdown.Send);
            using StreamReader reader = new(stream);
            return await reader.ReadToEndAsync(AgentHost.Deadline());
        }
        catch (IOException)
        {
            return "";
        }
    }
}
