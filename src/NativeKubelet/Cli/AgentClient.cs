using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Sockets;
using NativeKubelet.Server.Local;

namespace NativeKubelet.Cli;

/// <summary>
/// Talks to the agent of one run directory. HTTP of its own, one connection per request: verbs are short, and a web client
/// would be most of their start time.
/// </summary>
public sealed class AgentClient(string runDirectory)
{
    public const string DefaultRunDirectory = "/run/nativekubelet";

    public static AgentClient For(VerbCall call) => new(call.Get("run-dir", DefaultRunDirectory));

    /// <exception cref="AgentAbsentException">Nobody answers.</exception>
    /// <exception cref="VerbException">The agent's own words of refusal.</exception>
    public async Task<T> GetAsync<T>(string target, JsonTypeInfo<T> type, CancellationToken cancel)
    {
        byte[] body = await SendAsync("GET", target, cancel);
        return JsonSerializer.Deserialize(body, type) ?? throw new VerbException($"the agent's answer to {target} is empty");
    }

    public async Task<byte[]> SendAsync(string method, string target, CancellationToken cancel)
    {
        using AgentAnswer answer = await AskAsync(method, target, cancel);
        return await answer.ReadAllAsync(cancel);
    }

    /// <summary>The lines of an answer that comes bit by bit. Ends when the agent closes it.</summary>
    public async IAsyncEnumerable<T> LinesAsync<T>(string method, string target, JsonTypeInfo<T> type, [EnumeratorCancellation] CancellationToken cancel)
    {
        using AgentAnswer answer = await AskAsync(method, target, cancel);
        while (await answer.ReadChunkAsync(cancel) is { } line)
            if (JsonSerializer.Deserialize(line, type) is { } document) yield return document;
    }

    /// <exception cref="AgentAbsentException">Nobody answers.</exception>
    public SeqPacketSocket ConnectStreams()
    {
        try
        {
            return SeqPacketSocket.Connect(Path.Combine(runDirectory, LocalApi.StreamSocket));
        }
        catch (ErrnoException e)
        {
            throw Absent(LocalApi.StreamSocket, e);
        }
    }

    private async Task<AgentAnswer> AskAsync(string method, string target, CancellationToken cancel)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            try
            {
                using DirectoryHandle directory = DirectoryHandle.Open(runDirectory);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint($"{directory.Descriptor.ProcPath}/{LocalApi.AgentSocket}"), cancel);
            }
            catch (Exception e) when (e is SocketException or ErrnoException)
            {
                throw Absent(LocalApi.AgentSocket, e);
            }
            return await AgentAnswer.ToAsync(socket, method, target, cancel);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new AgentAbsentException($"the agent at {runDirectory} left in the middle of {method} {target}: {e.Message}");
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private AgentAbsentException Absent(string socket, Exception e)
    {
        string cause = e is ErrnoException { Errno: Errno.ENOENT } ? "no such file" : e is SocketException s ? Cause(s) : e.Message;
        return new($"no agent answers at {runDirectory}/{socket}: {cause}; start it (systemctl start kubelet, or nativekubelet with its flags), or name its run directory with --run-dir");
    }

    private static string Cause(SocketException e) => e.SocketErrorCode switch
    {
        SocketError.ConnectionRefused => "connection refused",
        SocketError.AccessDenied => "permission denied, only root may talk to it",
        SocketError.AddressNotAvailable => "no such file",
        _ => e.Message,
    };
}

/// <summary>There is no agent to talk to. Some verbs have another way then.</summary>
public sealed class AgentAbsentException(string message) : VerbException(message);
