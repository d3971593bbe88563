using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;

namespace NativeKubelet.Tests.ApiDouble;

/// <summary>
/// The way of kubectl logs, exec, attach, port-forward and top to the node, as the API server goes it: with a client certificate
/// of its own, and upgraded connections passed through byte by byte.
/// </summary>
public sealed class NodeProxy(ObjectStore store, ApiSettings settings, X509Certificate2 client) : IDisposable
{
    private static readonly string[] HopHeaders = ["Connection", "Keep-Alive", "Transfer-Encoding", "TE", "Trailer", "Upgrade", "Host", "Authorization", "Proxy-Authorization"];

    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        SslOptions = new SslClientAuthenticationOptions { ClientCertificates = [client], RemoteCertificateValidationCallback = AnyCertificate },
        AllowAutoRedirect = false,
    })
    { Timeout = Timeout.InfiniteTimeSpan };

    /// <summary>Pods' log, exec, attach and portforward; a node's own paths below proxy.</summary>
    public async Task PassAsync(ApiRequest request, HttpContext context)
    {
        (IPEndPoint node, string path) = request.Kind.Plural == "nodes" ? (Endpoint(request.Name), Rest(context.Request)) : OfPod(request, context.Request);
        if (context.Request.Headers.Upgrade.Count > 0 && context.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true } upgrade) await UpgradeAsync(node, path, context, upgrade);
        else await ForwardAsync(node, path, context);
    }

    /// <summary>A document of the node's, for the metrics API.</summary>
    public async Task<JsonNode> ReadAsync(string nodeName, string path, CancellationToken cancel) =>
        JsonNode.Parse(await _http.GetStringAsync(new Uri($"https://{Endpoint(nodeName)}{path}"), cancel))!;

    public void Dispose() => _http.Dispose();

    /// <summary>As an API server that was given no authority for its nodes.</summary>
    private static bool AnyCertificate(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors) => certificate is not null;

    private (IPEndPoint, string) OfPod(ApiRequest request, HttpRequest http)
    {
        JsonObject pod = store.Find(request.Kind, request.Namespace, request.Name) ?? throw ApiException.NotFound(request.Kind, request.Name);
        string node = Text(pod["spec"]?["nodeName"]);
        if (node.Length == 0) throw ApiException.BadRequest($"pod {request.Name} does not have a host assigned");
        IQueryCollection query = http.Query;
        string container = query["container"].ToString();
        string[] names = [.. ((JsonArray)pod["spec"]!["containers"]!).Select(c => Text(c!["name"]))];
        if (container.Length == 0 && request.SubResource != "portforward") container = names.Length == 1 || request.SubResource != "log" ? names[0] : throw ApiException.BadRequest($"a container name must be specified for pod {request.Name}, choose one of: [{string.Join(' ', names)}]");
        string at = $"/{request.Namespace}/{request.Name}";
        List<KeyValuePair<string, string>> pass = [];
        foreach ((string from, string to) in (ReadOnlySpan<(string, string)>)[("stdin", "input"), ("stdout", "output"), ("stderr", "error"), ("tty", "tty")])
            if (request.SubResource is "exec" or "attach" && query[from].ToString() is "true" or "1") pass.Add(new(to, "1"));
        foreach (string? word in query["command"]) pass.Add(new("command", word ?? ""));
        foreach (string option in (string[])["follow", "previous", "sinceSeconds", "sinceTime", "timestamps", "tailLines", "limitBytes", "port"])
            foreach (string? value in query[option]) pass.Add(new(option, value ?? ""));
        string path = request.SubResource switch
        {
            "log" => $"/containerLogs{at}/{container}",
            "exec" => $"/exec{at}/{container}",
            "attach" => $"/attach{at}/{container}",
            _ => $"/portForward{at}",
        };
        return (Endpoint(node), path + QueryString.Create(pass.Select(p => new KeyValuePair<string, string?>(p.Key, p.Value))));
    }

    private static string Rest(HttpRequest http)
    {
        string path = http.Path.Value!;
        return path[(path.IndexOf("/proxy", StringComparison.Ordinal) + "/proxy".Length)..] + http.QueryString;
    }

    private IPEndPoint Endpoint(string node)
    {
        ResourceKind kind = ResourceKind.Find("", "v1", "nodes")!;
        JsonObject found = store.Find(kind, "", node) ?? throw ApiException.NotFound(kind, node);
        string? address = (found["status"]?["addresses"] as JsonArray)?.FirstOrDefault(a => Text(a!["type"]) == "InternalIP")?["address"]?.GetValue<string>();
        // The published name of the port has a capital letter.
        int port = found["status"]?["daemonEndpoints"]?["kubeletEndpoint"]?["Port"]?.GetValue<int>() ?? 0;
        return address is null || port == 0 ? throw new ApiException(500, "InternalError", $"node {node} tells no address to be reached at") : new(settings.NodeAddress ?? IPAddress.Parse(address), port);
    }

    private async Task ForwardAsync(IPEndPoint node, string path, HttpContext context)
    {
        using HttpRequestMessage message = new(new HttpMethod(context.Request.Method), $"https://{node}{path}");
        if (context.Request.ContentLength > 0)
        {
            message.Content = new StreamContent(context.Request.Body);
            if (context.Request.ContentType is { } type) message.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        }
        using HttpResponseMessage answer = await _http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, context.RequestAborted);
        // The real one makes a Status of a node's refusal.
        if (answer.StatusCode == HttpStatusCode.BadRequest) throw ApiException.BadRequest(await answer.Content.ReadAsStringAsync(context.RequestAborted));
        context.Response.StatusCode = (int)answer.StatusCode;
        context.Response.ContentType = answer.Content.Headers.ContentType?.ToString();
        await using Stream body = await answer.Content.ReadAsStreamAsync(context.RequestAborted);
        byte[] buffer = new byte[16 << 10];
        for (int read; (read = await body.ReadAsync(buffer, context.RequestAborted)) > 0;)
        {
            await context.Response.Body.WriteAsync(buffer.AsMemory(0, read), context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
        }
    }

    private async Task UpgradeAsync(IPEndPoint node, string path, HttpContext context, IHttpUpgradeFeature upgrade)
    {
        using TcpClient socket = new();
        await socket.ConnectAsync(node, context.RequestAborted);
        await using SslStream there = new(socket.GetStream(), false, AnyCertificate);
        await there.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = node.Address.ToString(), ClientCertificates = [client] }, context.RequestAborted);
        StringBuilder head = new($"{context.Request.Method} {path} HTTP/1.1\r\nHost: {node}\r\nConnection: Upgrade\r\nUpgrade: {context.Request.Headers.Upgrade}\r\n");
        foreach ((string name, var values) in context.Request.Headers)
            if (!HopHeaders.Contains(name, StringComparer.OrdinalIgnoreCase)) foreach (string? value in values) head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        await there.WriteAsync(Encoding.ASCII.GetBytes(head.Append("\r\n").ToString()), context.RequestAborted);
        (int code, List<(string Name, string Value)> headers) = await AnswerHeadAsync(there, context.RequestAborted);
        foreach ((string name, string value) in headers.Where(h => !h.Name.Equals("Transfer-Encoding", StringComparison.OrdinalIgnoreCase))) context.Response.Headers.Append(name, value);
        if (code != 101)
        {
            context.Response.StatusCode = code;
            context.Response.Headers.Remove("Content-Length");
            context.Response.Headers.Remove("Connection");
            byte[] words = new byte[4096];
            int length = await there.ReadAsync(words, context.RequestAborted);
            await context.Response.Body.WriteAsync(words.AsMemory(0, length), context.RequestAborted);
            return;
        }
        await using Stream here = await upgrade.UpgradeAsync();
        Task up = here.CopyToAsync(there), down = there.CopyToAsync(here);
        await Task.WhenAny(up, down);
        socket.Close();
        await Task.WhenAll(up, down).ContinueWith(static _ => { }, TaskScheduler.Default);
    }

    private static async Task<(int, List<(string, string)>)> AnswerHeadAsync(Stream from, CancellationToken cancel)
    {
        List<byte> head = [];
        byte[] one = new byte[1];
        while (head.Count < 64 << 10 && !(head.Count >= 4 && head[^1] == '\n' && head[^2] == '\r' && head[^3] == '\n'))
            if (await from.ReadAsync(one, cancel) == 0) throw new IOException("the node closed before it answered");
            else head.Add(one[0]);
        string[] lines = Encoding.ASCII.GetString([.. head]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        return (int.Parse(lines[0].Split(' ')[1], CultureInfo.InvariantCulture), [.. lines[1..].Select(l => l.Split(':', 2)).Select(p => (p[0], p[1].Trim()))]);
    }
}
