using System.Buffers.Binary;
using System.Globalization;
using System.Net.WebSockets;
using NativeKubelet.Core.Server;

namespace NativeKubelet.Server.Streaming.WebSockets;

/// <summary>Ports forwarded over a WebSocket as the request names them: for each a channel of data and one of errors, which begin with its number.</summary>
internal static class WebSocketPorts
{
    private const int MostPorts = 64;

    /// <param name="values">Each may be several, with commas.</param>
    /// <exception cref="RefusedException">None, too many, or one that is none.</exception>
    public static IReadOnlyList<int> Parse(IReadOnlyCollection<string> values)
    {
        string[] words = [.. values.SelectMany(v => v.Split(','))];
        return words.Length switch
        {
            0 => throw new RefusedException(400, "query parameter \"port\" is required\n"),
            > MostPorts => throw new RefusedException(400, $"{words.Length} ports, at most {MostPorts} are possible\n"),
            _ => [.. words.Select(Port)],
        };
    }

    /// <returns>What the client did wrong; null when it did not.</returns>
    public static async Task<string?> ServeAsync(
        WebSocket socket, ChannelProtocol protocol, IReadOnlyList<int> ports, PortForward forward, TimeProvider time, CancellationToken cancel)
    {
        using ChannelSocket channels = new(socket, protocol, time);
        (int Port, IByteChannel Data, IByteChannel Error)[] pairs =
            [.. ports.Select((port, i) => (port, channels.Open(2 * i, reads: true), channels.Open(2 * i + 1, reads: false)))];
        Task receiving = channels.RunAsync(cancel);
        try
        {
            await Task.WhenAll(pairs.Select(async pair =>
            {
                byte[] number = new byte[2];
                BinaryPrimitives.WriteUInt16LittleEndian(number, (ushort)pair.Port);
                await pair.Data.WriteAsync(number, channels.Gone);
                await pair.Error.WriteAsync(number, channels.Gone);
                await forward.RunAsync(pair.Port, pair.Data, pair.Error, channels.Gone);
            }));
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The client has left.
        }
        finally
        {
            await channels.CloseAsync(receiving);
            socket.Abort();
            await receiving;
        }
        return channels.Fault;
    }

    private static int Port(string word) => ushort.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) && port > 0
        ? port : throw new RefusedException(400, $"unable to parse \"{word}\" as a port\n");
}
