using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Probes;
using NativeKubelet.Runtime;

namespace NativeKubelet.Probes;

/// <summary>grpc.health.v1.Health/Check over HTTP/2 without TLS: one call, framed by hand, so that no gRPC library comes along.</summary>
internal static class GrpcHealth
{
    private const int MostAnswerBytes = 4096, Unimplemented = 12, DeadlineExceeded = 4;

    // Made when the first such probe runs. No connection is used twice, as a probe must find out whether one can be made.
    private static readonly Lazy<HttpMessageInvoker> Client = new(() => new(new SocketsHttpHandler
    {
        UseProxy = false,
        AllowAutoRedirect = false,
        PooledConnectionLifetime = TimeSpan.Zero,
        EnableMultipleHttp2Connections = true,
        ConnectCallback = static async (context, cancel) =>
            new NetworkStream(await ProbeSocket.ConnectAsync(context.DnsEndPoint.Host.Trim('[', ']'), context.DnsEndPoint.Port, cancel), ownsSocket: true),
    }));

    /// <returns>Whatever goes wrong is the service's failure, but what the agent itself lacks.</returns>
    public static async Task<ProbeOutcome> CheckAsync(string host, int port, string service, TimeSpan timeout, CancellationToken cancel)
    {
        string authority = host.Contains(':', StringComparison.Ordinal) ? $"[{host}]:{port}" : $"{host}:{port}";
        using HttpRequestMessage request = new(HttpMethod.Post, $"http://{authority}/grpc.health.v1.Health/Check")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(HealthMessage.Question(service)),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        request.Headers.TE.Add(new("trailers"));
        request.Headers.TryAddWithoutValidation("user-agent", "kube-probe/1.36");
        bool connected = false;
        try
        {
            using HttpResponseMessage response = await Client.Value.SendAsync(request, cancel);
            connected = true;
            byte[] body = await ReadAsync(response, cancel);
            int code = int.TryParse(Header(response, "grpc-status"), out int given) ? given : response.StatusCode == HttpStatusCode.NotFound ? Unimplemented : 2;
            string message = Uri.UnescapeDataString(Header(response, "grpc-message"));
            if (code != 0) return ProbeOutcome.Failure(Words(code, message, timeout));
            string status = HealthMessage.Answer(body);
            return status == "SERVING" ? ProbeOutcome.Success : ProbeOutcome.Failure($"service unhealthy (responded with \"{status}\")");
        }
        catch (OperationCanceledException)
        {
            return ProbeOutcome.Failure(connected
                ? Words(DeadlineExceeded, "", timeout)
                : $"timeout: failed to connect service \"{authority}\" within {GoDuration.Format(timeout)}: context deadline exceeded");
        }
        catch (HttpRequestException e) when (e.InnerException is RuntimeException ours)
        {
            return ProbeOutcome.Error(ours.Message);
        }
        catch (HttpRequestException e) when (e.InnerException is SocketException refused)
        {
            return ProbeOutcome.Failure($"error: failed to connect service at \"{authority}\": {ProbeSocket.Words(refused, authority)}");
        }
        catch (Exception e) when (e is HttpRequestException or IOException or FormatException)
        {
            return ProbeOutcome.Failure($"error: health rpc probe failed: {e.Message}");
        }
    }

    private static string Words(int code, string message, TimeSpan timeout) => code switch
    {
        Unimplemented => $"error: this server does not implement the grpc health protocol (grpc.health.v1.Health): {message}",
        DeadlineExceeded => $"timeout: health rpc did not complete within {GoDuration.Format(timeout)}",
        _ => $"error: health rpc probe failed: rpc error: code = {code} desc = {message}",
    };

    private static async Task<byte[]> ReadAsync(HttpResponseMessage response, CancellationToken cancel)
    {
        await using Stream stream = await response.Content.ReadAsStreamAsync(cancel);
        byte[] data = new byte[MostAnswerBytes];
        int length = await stream.ReadAtLeastAsync(data, data.Length, throwOnEndOfStream: false, cancel);
        return data[..length];
    }

    /// <summary>In the trailers; in the headers where there is no message at all.</summary>
    private static string Header(HttpResponseMessage response, string name) =>
        response.TrailingHeaders.TryGetValues(name, out IEnumerable<string>? values) || response.Headers.TryGetValues(name, out values) ? values.First() : "";
}
