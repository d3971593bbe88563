using System.Net.Sockets;
using System.Text;

namespace NativeKubelet.Linux.Systemd;

/// <summary>
/// One peer-to-peer connection (no bus, no names): calls are made one after the other, signals are read by who waits for
/// them. Whatever fails on the way is an <see cref="IOException"/>, and the connection is of no use any more.
/// </summary>
internal sealed class DBusConnection : IDisposable
{
    private const int MostAuthBytes = 512;

    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private uint _serial;

    private DBusConnection() { }

    /// <exception cref="IOException">Nobody listens there, or this process is not let in.</exception>
    public static async Task<DBusConnection> OpenAsync(string path, CancellationToken cancel)
    {
        DBusConnection connection = new();
        try
        {
            await RunAsync(async () =>
            {
                await connection._socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancel);
                await connection.AuthenticateAsync(cancel);
            });
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <returns>The answer, which may be an error.</returns>
    public async Task<DBusMessage> CallAsync(DBusMessage call, CancellationToken cancel)
    {
        call = call with { Serial = ++_serial };
        await RunAsync(() => SendAsync(call.ToBytes(), cancel));
        while (true)
        {
            DBusMessage message = await NextAsync(cancel);
            if (message.Kind is DBusKind.Return or DBusKind.Error && message.ReplyTo == call.Serial) return message;
        }
    }

    public async Task<DBusMessage> NextAsync(CancellationToken cancel)
    {
        byte[] header = new byte[DBusMessage.FixedHeader];
        await ReadAsync(header, cancel);
        byte[] whole = new byte[DBusMessage.LengthOf(header)];
        header.CopyTo(whole, 0);
        await ReadAsync(whole.AsMemory(header.Length), cancel);
        return DBusMessage.Parse(whole);
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>SASL EXTERNAL: we claim to be root, which is all that process 1 lets in, and the kernel tells it whether that is so.</summary>
    private async Task AuthenticateAsync(CancellationToken cancel)
    {
        // In one piece, as systemctl does it: a BEGIN that arrives together with the first call leaves the call lying in
        // systemd's buffer, unanswered for ever (tried with 252). 30 is the text "0" in hexadecimal digits.
        await SendAsync("\0AUTH EXTERNAL 30\r\nBEGIN\r\n"u8.ToArray(), cancel);
        string answer = await LineAsync(cancel);
        if (!answer.StartsWith("OK ", StringComparison.Ordinal)) throw new IOException($"authentication was answered with \"{answer}\"");
    }

    private async Task<string> LineAsync(CancellationToken cancel)
    {
        // Byte by byte, which takes nothing of what follows the line.
        byte[] line = new byte[MostAuthBytes];
        for (int length = 0; length < line.Length;)
        {
            await ReadAsync(line.AsMemory(length, 1), cancel);
            if (line[length++] == '\n') return Encoding.ASCII.GetString(line, 0, length).TrimEnd('\r', '\n');
        }
        throw new IOException("authentication was answered with a line without end");
    }

    private async Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        while (!bytes.IsEmpty) bytes = bytes[await _socket.SendAsync(bytes, cancel)..];
    }

    private Task ReadAsync(Memory<byte> into, CancellationToken cancel) => RunAsync(async () =>
    {
        while (!into.IsEmpty)
        {
            int count = await _socket.ReceiveAsync(into, cancel);
            if (count == 0) throw new IOException("the connection was closed by the other side");
            into = into[count..];
        }
    });

    private static async Task RunAsync(Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (SocketException e)
        {
            throw new IOException(e.Message, e);
        }
    }
}
