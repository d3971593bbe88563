using System.Net;
using System.Net.Sockets;

namespace NativeKubelet.Tests.Bench;

/// <summary>
/// The server that socket probes ask, in a process of its own: its CPU is not the agent's. busybox's httpd forks for each
/// connection and has room for nine that wait, so that on a busy machine it is the server that is measured.
/// </summary>
internal static class ProbeTarget
{
    /// <summary>Serves until its standard input ends: then whoever started it is gone.</summary>
    public static async Task<int> ServeAsync(int port)
    {
        using TcpListener listener = new(IPAddress.Loopback, port);
        listener.Start(1024);
        Console.WriteLine("listening");
        _ = AcceptAsync(listener);
        await Console.In.ReadToEndAsync();
        return 0;
    }

    private static async Task AcceptAsync(TcpListener listener)
    {
        while (true) _ = AnswerAsync(await listener.AcceptSocketAsync());
    }

    private static async Task AnswerAsync(Socket accepted)
    {
        using Socket client = accepted;
        byte[] request = new byte[4096];
        if (await client.ReceiveAsync(request) > 0) await client.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"u8.ToArray());
    }
}
