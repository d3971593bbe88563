using System.Net.WebSockets;
using System.Text;

namespace NativeKubelet.Server.Streaming.WebSockets;

/// <summary>
/// Numbered channels over one WebSocket. One loop receives and waits for nothing but room; what goes out takes turns. A peer
/// that breaks the protocol loses the connection.
/// </summary>
/// <param name="socket">Stays the caller's.</param>
internal sealed class ChannelSocket(WebSocket socket, ChannelProtocol protocol, TimeProvider time) : IDisposable
{
    private const int Room = 1024 * 1024, ReadSize = 32 * 1024, LargestMessage = 32 * 1024;

    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(2);

    private readonly ByteRoom _room = new(Room);
    private readonly Dictionary<int, Inbox> _inboxes = [];
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly CancellationTokenSource _gone = new();

    /// <summary>Fires when the peer has left or was thrown out.</summary>
    public CancellationToken Gone => _gone.Token;

    /// <summary>Why the peer was thrown out; null when it was not.</summary>
    public string? Fault { get; private set; }

    /// <summary>Before <see cref="RunAsync"/>; what comes for a number that was not opened for reading is dropped.</summary>
    public IByteChannel Open(int number, bool reads)
    {
        Inbox? inbox = reads ? _inboxes[number] = new Inbox(_room) : null;
        return new NumberedChannel(this, number, inbox);
    }

    /// <summary>Receives until the peer leaves or <paramref name="cancel"/> fires.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        try
        {
            await ReceiveAsync(cancel);
        }
        catch (FormatException e)
        {
            Fault = e.Message;
        }
        catch (Exception e) when (e is WebSocketException or IOException or OperationCanceledException)
        {
            // It left without a word, or the server ends.
        }
        IOException lost = new("the client has left");
        foreach (Inbox inbox in _inboxes.Values) inbox.Finish(lost);
        await _gone.CancelAsync();
    }

    /// <summary>Says goodbye behind everything that was sent, and waits a moment for the peer's.</summary>
    public async Task CloseAsync(Task running)
    {
        _room.Lift();
        using CancellationTokenSource limit = new(Farewell, time);
        try
        {
            await _turn.WaitAsync(limit.Token);
            WebSocketCloseStatus status = Fault is null ? WebSocketCloseStatus.NormalClosure : WebSocketCloseStatus.ProtocolError;
            if (socket.State is WebSocketState.Open or WebSocketState.CloseReceived) await socket.CloseOutputAsync(status, null, limit.Token);
            await running.WaitAsync(limit.Token);
        }
        catch (Exception e) when (e is WebSocketException or IOException or OperationCanceledException or InvalidOperationException)
        {
            // It is gone, or does not answer.
        }
    }

    public void Dispose()
    {
        _turn.Dispose();
        _gone.Dispose();
    }

    private async Task ReceiveAsync(CancellationToken cancel)
    {
        byte[] buffer = new byte[ReadSize];
        ChannelMessage message = new(protocol);
        while (true)
        {
            ValueWebSocketReceiveResult received = await socket.ReceiveAsync(buffer.AsMemory(), cancel);
            if (received.MessageType == WebSocketMessageType.Close) return;
            ChannelMessage.Part part = message.Take(buffer.AsMemory(0, received.Count), received.EndOfMessage);
            if (!_inboxes.TryGetValue(part.Channel, out Inbox? inbox)) continue;
            if (part.Closes) inbox.Finish(null);
            else if (!part.Payload.IsEmpty) await inbox.PutAsync(part.Payload, cancel);
        }
    }

    private async ValueTask SendAsync(int channel, ReadOnlyMemory<byte> data, CancellationToken cancel)
    {
        do
        {
            ReadOnlyMemory<byte> piece = data[..Math.Min(data.Length, LargestMessage)];
            data = data[piece.Length..];
            byte[] message = protocol.Base64
                ? Encoding.ASCII.GetBytes((char)('0' + channel) + Convert.ToBase64String(piece.Span)) : [(byte)channel, .. piece.Span];
            await SendAsync(message, cancel);
        }
        while (!data.IsEmpty);
    }

    private async ValueTask SendAsync(byte[] message, CancellationToken cancel)
    {
        await _turn.WaitAsync(cancel);
        try
        {
            await socket.SendAsync(message, protocol.Base64 ? WebSocketMessageType.Text : WebSocketMessageType.Binary, endOfMessage: true, cancel);
        }
        catch (Exception e) when (e is WebSocketException or InvalidOperationException)
        {
            throw new IOException("the client has left", e);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>The protocols have no word for the end of an output; with it, what the client sends is over too.</summary>
    private sealed class NumberedChannel(ChannelSocket socket, int number, Inbox? inbox) : IByteChannel
    {
        public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancel) => inbox?.ReadAsync(buffer, cancel) ?? new(0);

        public ValueTask WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancel) => socket.SendAsync(number, data, cancel);

        public ValueTask FinishAsync(CancellationToken cancel)
        {
            inbox?.Finish(null);
            return ValueTask.CompletedTask;
        }
    }
}
