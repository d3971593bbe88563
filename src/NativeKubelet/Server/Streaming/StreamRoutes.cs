using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;
using NativeKubelet.Core.Server;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Streams;
using NativeKubelet.Server.Endpoints;
using NativeKubelet.Server.Streaming.Spdy;
using NativeKubelet.Server.Streaming.WebSockets;
using NativeKubelet.Status;

namespace NativeKubelet.Server.Streaming;

/// <summary>
/// The streaming endpoints of the node's server (spec 20 §13, §14): /exec, /attach, /portForward and /run. Who may use them was
/// decided before. All of HTTP ends here; what follows the upgrade knows a stream of bytes only.
/// </summary>
/// <param name="idleLimit">Nothing in either direction for so long ends a connection; zero: never.</param>
internal sealed partial class StreamRoutes(IContainerRuntime runtime, StatusBoard board, TimeSpan idleLimit, TimeProvider time, ILogger<StreamRoutes> log)
{
    private const string ProtocolVersion = "X-Stream-Protocol-Version", AcceptedVersions = "X-Accepted-Stream-Protocol-Versions", PortForwardV1 = "portforward.k8s.io";
    private const string Spdy31 = "SPDY/3.1", Tunnel = Spdy31 + "+" + PortForwardV1;
    private const int MostOutputOfRun = 16 * 1024 * 1024;

    /// <summary>For the client to open the streams that it asked for.</summary>
    private static readonly TimeSpan StreamPatience = TimeSpan.FromSeconds(30);

    private readonly RemoteCommand _commands = new(runtime, time);

    public Task ServeAsync(HttpContext context)
    {
        if (StreamTarget.Parse(context.Request.Path.Value ?? "") is not var (action, target)) throw new RefusedException(404, "404: Page Not Found");
        bool post = HttpMethods.IsPost(context.Request.Method);
        if (!post && (action == "run" || !HttpMethods.IsGet(context.Request.Method))) throw new RefusedException(405, "405: Method Not Allowed");
        return action switch
        {
            "exec" => ExecAsync(context, target),
            "attach" => AttachAsync(context, target),
            "run" => RunAsync(context, target),
            _ => PortForwardAsync(context, target),
        };
    }

    private Task ExecAsync(HttpContext context, StreamTarget target)
    {
        CommandWish wish = WishOf(context.Request.Query);
        (_, ContainerState container) = Find(target);
        string[] command = [.. context.Request.Query["command"].Select(word => word ?? "")];
        return CommandAsync(context, wish, (streams, left) => _commands.ExecAsync(container.Id, [.. command], wish.Tty, streams, left));
    }

    private Task AttachAsync(HttpContext context, StreamTarget target)
    {
        CommandWish wish = WishOf(context.Request.Query);
        (PodView pod, ContainerState container) = Find(target);
        bool takesInput = target.TakesInput(pod.Pod);
        return CommandAsync(context, wish, (streams, left) => _commands.AttachAsync(container.Id, takesInput, streams, left));
    }

    /// <summary>A command's whole output at once, for programs that know no streams.</summary>
    private async Task RunAsync(HttpContext context, StreamTarget target)
    {
        string[] command = await CommandLineAsync(context);
        (_, ContainerState container) = Find(target);
        try
        {
            CommandResult result = await ContainerCommand.RunAsync(
                runtime, container.Id, [.. command], MostOutputOfRun, Timeout.InfiniteTimeSpan, time, context.RequestAborted);
            if (result.ExitCode != 0) throw new RefusedException(500, $"command '{string.Join(' ', command)}' exited with {result.ExitCode}: {result.Output}\n");
            await context.JsonAsync(Encoding.UTF8.GetBytes(result.Output));
        }
        catch (RuntimeException e)
        {
            throw new RefusedException(500, e.Message + "\n");
        }
    }

    private Task PortForwardAsync(HttpContext context, StreamTarget target)
    {
        bool webSocket = WebSocketUpgrade.IsAsked(context), tunnel = webSocket && WebSocketUpgrade.Offered(context).Contains(Tunnel);
        IReadOnlyList<int> ports = webSocket && !tunnel ? WebSocketPorts.Parse([.. context.Request.Query["port"].Select(p => p ?? "")]) : [];
        PodView pod = target.FindPod(board) ?? throw new RefusedException(404, target.Uid is null ? "pod does not exist\n" : "pod not found\n");
        SandboxState sandbox = runtime.Sandboxes.LastOrDefault(s => s.PodUid == pod.Uid && s.Ready)
            ?? throw new RefusedException(500, $"pod {pod.Namespace}/{pod.Name} has no network yet, or none any more\n");
        PortForward forward = new(runtime, new ForwardTarget(sandbox.Id, pod.Name, pod.Uid));
        if (tunnel) return WebSocketAsync(context, Tunnel, async (socket, cancel) =>
        {
            await using TunnelStream stream = new(socket);
            return await ForwardAsync(stream, forward, cancel);
        });
        if (!webSocket) return SpdyAsync(context, [PortForwardV1], (stream, _, cancel) => ForwardAsync(stream, forward, cancel));
        ChannelProtocol protocol = ChannelProtocol.ForPorts(WebSocketUpgrade.Offered(context)) ?? throw Unsupported(context);
        return WebSocketAsync(context, protocol.Name, (socket, cancel) => WebSocketPorts.ServeAsync(socket, protocol, ports, forward, time, cancel));
    }

    private (PodView Pod, ContainerState Container) Find(StreamTarget target)
    {
        PodView pod = target.FindPod(board) ?? throw new RefusedException(404, "pod does not exist\n");
        return (pod, target.FindContainer(pod, runtime.Sandboxes) ?? throw new RefusedException(500, $"container not found (\"{target.Container}\")\n"));
    }

    private async Task<string?> ForwardAsync(Stream stream, PortForward forward, CancellationToken cancel)
    {
        SpdyPortForward ports = new(forward, StreamPatience, time);
        using SpdyConnection connection = new(stream, ports.Offer, time);
        await ports.RunAsync(connection, cancel);
        return connection.Fault;
    }

    private Task CommandAsync(HttpContext context, CommandWish wish, Func<CommandStreams, CancellationToken, Task<StreamStatus?>> run)
    {
        if (!WebSocketUpgrade.IsAsked(context))
            return SpdyAsync(context, [.. SpdyCommandProtocol.All.Select(p => p.Name)], (stream, name, cancel) =>
                SpdyCommand.ServeAsync(stream, SpdyCommandProtocol.All.First(p => p.Name == name), wish, run, StreamPatience, time, cancel));
        ChannelProtocol protocol = ChannelProtocol.ForCommands(WebSocketUpgrade.Offered(context)) ?? throw Unsupported(context);
        return WebSocketAsync(context, protocol.Name, (socket, cancel) => WebSocketCommand.ServeAsync(socket, protocol, wish, run, time, cancel));
    }

    private Task SpdyAsync(HttpContext context, string[] known, Func<Stream, string, CancellationToken, Task<string?>> serve)
    {
        string[] offered = Words(context.Request.Headers[ProtocolVersion]);
        if (!Words(context.Request.Headers.Upgrade).Any(u => u.StartsWith(Spdy31, StringComparison.OrdinalIgnoreCase)) || Upgrade(context) is not { } upgrade)
            throw new RefusedException(400, "unable to upgrade: missing upgrade headers in request\n");
        if (offered.Length == 0) throw new RefusedException(400, $"unable to upgrade: header {ProtocolVersion} does not exist in request or is empty\n");
        if (offered.FirstOrDefault(known.Contains) is not { } chosen)
        {
            context.Response.Headers[AcceptedVersions] = known;
            throw new RefusedException(403, $"unable to upgrade: unable to negotiate protocol: client supports [{string.Join(' ', offered)}], server accepts [{string.Join(' ', known)}]\n");
        }
        context.Response.Headers.Upgrade = Spdy31;
        context.Response.Headers[ProtocolVersion] = chosen;
        return ServeAsync(context, upgrade, (stream, cancel) => serve(stream, chosen, cancel));
    }

    private Task WebSocketAsync(HttpContext context, string protocol, Func<WebSocket, CancellationToken, Task<string?>> serve)
    {
        if (Upgrade(context) is not { } upgrade || !WebSocketUpgrade.TryAccept(context, protocol)) throw new RefusedException(400, "not a WebSocket handshake\n");
        return ServeAsync(context, upgrade, async (stream, cancel) =>
        {
            using WebSocket socket = WebSocketUpgrade.Over(stream);
            return await serve(socket, cancel);
        });
    }

    /// <summary>Serves the connection until its work is over or nothing happens on it any more.</summary>
    private async Task ServeAsync(HttpContext context, IHttpUpgradeFeature upgrade, Func<Stream, CancellationToken, Task<string?>> serve)
    {
        await using Stream raw = await upgrade.UpgradeAsync();
        IdleStream stream = new(raw, time);
        using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        Task<string?> serving = serve(stream, ending.Token);
        Task idle = stream.IdleForAsync(idleLimit, ending.Token);
        if (await Task.WhenAny(serving, idle) == idle && !context.RequestAborted.IsCancellationRequested) ConnectionIdle(context.Request.Path.Value, idleLimit);
        await ending.CancelAsync();
        await idle.ContinueWith(static _ => { }, TaskScheduler.Default);
        if (await serving is { } fault) ClientAtFault(context.Request.Path.Value, fault);
    }

    /// <summary>A terminal has one output.</summary>
    private static CommandWish WishOf(IQueryCollection query)
    {
        bool Is(string name) => query[name] is [var value, ..] && value is "1" or "true";
        bool tty = Is("tty");
        CommandWish wish = new(Is("input"), Is("output"), Is("error") && !tty, tty);
        return wish is { Input: false, Output: false, Error: false } ? throw new RefusedException(400, "you must specify at least 1 of stdin, stdout, stderr\n") : wish;
    }

    private static async Task<string[]> CommandLineAsync(HttpContext context)
    {
        string? line = context.Request.Query["cmd"];
        if (line is null && context.Request.HasFormContentType) line = (await context.Request.ReadFormAsync(context.RequestAborted))["cmd"];
        return (line ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
    }

    private static IHttpUpgradeFeature? Upgrade(HttpContext context) => context.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true } upgrade ? upgrade : null;

    private static string[] Words(StringValues header) => [.. header.SelectMany(h => (h ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))];

    private static RefusedException Unsupported(HttpContext context) =>
        new(403, $"requested protocol(s) are not supported: [{string.Join(' ', WebSocketUpgrade.Offered(context))}]\n");

    [LoggerMessage(LogLevel.Information, "StreamIdle path={Path}: nothing for {Limit}, so the connection is closed")]
    private partial void ConnectionIdle(string? path, TimeSpan limit);

    [LoggerMessage(LogLevel.Warning, "StreamClientAtFault path={Path}: {Fault}")]
    private partial void ClientAtFault(string? path, string fault);
}
