using System.Net.Sockets;
using System.Text;
using NativeKubelet.Runtime;

namespace NativeKubelet.Server.Streaming;

/// <summary>The pod that ports are forwarded to.</summary>
internal sealed record ForwardTarget(string SandboxId, string PodName, string PodUid);

/// <summary>One connection into a pod: the client's data stream on one side, a socket in the pod's network on the other.</summary>
internal sealed class PortForward(IContainerRuntime runtime, ForwardTarget target)
{
    private const int BufferSize = 32 * 1024;

    /// <summary>Returns when both directions have ended, each by itself.</summary>
    /// <returns>False when it could not be made or broke, and <paramref name="error"/> says why.</returns>
    public async Task<bool> RunAsync(int port, IByteChannel data, IByteChannel error, CancellationToken left)
    {
        try
        {
            using Socket socket = await runtime.DialAsync(target.SandboxId, port, left);
            // One direction that breaks takes the other along.
            using CancellationTokenSource broken = CancellationTokenSource.CreateLinkedTokenSource(left);
            await Task.WhenAll(
                EndOnFaultAsync(UpAsync(data, socket, broken.Token), broken), EndOnFaultAsync(DownAsync(socket, data, broken.Token), broken));
            await error.FinishAsync(left);
            return true;
        }
        catch (Exception e) when (e is RuntimeException or SocketException)
        {
            await SayAsync(error, $"error forwarding port {port} to pod {target.PodName}, uid {target.PodUid}: {e.Message}", left);
            return false;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The client has given it up.
            return false;
        }
    }

    public static async Task SayAsync(IByteChannel error, string words, CancellationToken left)
    {
        try
        {
            await error.WriteAsync(Encoding.UTF8.GetBytes(words), left);
            await error.FinishAsync(left);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // Nobody listens.
        }
    }

    /// <summary>A pod that reads no more may still have something to say: what comes for it is dropped, and the other direction goes on.</summary>
    private static async Task UpAsync(IByteChannel from, Socket to, CancellationToken cancel)
    {
        byte[] buffer = new byte[BufferSize];
        bool takes = true;
        while (await from.ReadAsync(buffer, cancel) is > 0 and var count)
            if (takes) takes = await TrySendAsync(to, buffer.AsMemory(0, count), cancel);
        if (takes) to.Shutdown(SocketShutdown.Send);
    }

    private static async Task<bool> TrySendAsync(Socket to, ReadOnlyMemory<byte> data, CancellationToken cancel)
    {
        try
        {
            while (!data.IsEmpty) data = data[await to.SendAsync(data, cancel)..];
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static async Task DownAsync(Socket from, IByteChannel to, CancellationToken cancel)
    {
        byte[] buffer = new byte[BufferSize];
        while (await from.ReceiveAsync(buffer, cancel) is > 0 and var count) await to.WriteAsync(buffer.AsMemory(0, count), cancel);
        await to.FinishAsync(cancel);
    }

    private static async Task EndOnFaultAsync(Task direction, CancellationTokenSource broken)
    {
        try
        {
            await direction;
        }
        catch
        {
            await broken.CancelAsync();
            throw;
        }
    }
}
