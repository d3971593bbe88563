using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;

namespace NativeKubelet.Tests.ApiDouble;

/// <summary>
/// A strict stand-in for a Kubernetes API server, where none can be had: TLS on loopback, objects with versions, watches, patches,
/// reviews, certificates, and the proxy to nodes. What the real one rejects it rejects too; on order it misbehaves.
/// </summary>
public sealed class ApiServer : IAsyncDisposable
{
    private readonly ObjectWriter _writer;
    private readonly WatchStream _watches;
    private readonly NodeAuthorizer _nodes;
    private readonly NodeProxy _proxy;
    private readonly MetricsApi _metrics;
    private readonly X509Certificate2 _serving, _toNodes;
    private WebApplication? _app;
    private int _port;

    public ApiServer(ApiSettings? settings = null, TimeProvider? time = null)
    {
        TimeProvider clock = time ?? TimeProvider.System;
        Settings = settings ?? new();
        Tokens = new Tokens(clock);
        _serving = Authority.IssueServer("kube-apiserver");
        _toNodes = Authority.IssueClient("kube-apiserver-kubelet-client", TimeSpan.FromDays(1), ApiUser.Admins);
        _writer = new(Store, new KindRules(Store, Authority, Settings), clock);
        _watches = new(Store, Settings.LongestWatch);
        _nodes = new(Store);
        _proxy = new(Store, Settings, _toNodes);
        _metrics = new(Store, _proxy);
        foreach (string name in (string[])["default", "kube-system", "kube-node-lease", "kube-public"]) MakeNamespace(name);
    }

    public ApiSettings Settings { get; }

    public ApiAuthority Authority { get; } = new();

    public ObjectStore Store { get; } = new();

    public Faults Faults { get; } = new();

    public Tokens Tokens { get; }

    public ApiUser Admin { get; } = new("kubernetes-admin", [ApiUser.Admins, "system:authenticated"]);

    /// <summary>Every request that arrived: who, verb, path with query.</summary>
    public event Action<string, HttpRequest>? Asked;

    public Uri Url => new($"https://127.0.0.1:{_port}");

    /// <summary>On the port that it had before, if any: clients find it again.</summary>
    public async Task StartAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration();
        builder.Services.AddLogging(l => l.ClearProviders());
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, _port, listen => listen.UseHttps(https =>
        {
            https.ServerCertificate = _serving;
            https.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
            https.AllowAnyClientCertificate();
        })));
        _app = builder.Build();
        _app.Run(HandleAsync);
        await _app.StartAsync();
        _port = new Uri(_app.Urls.First()).Port;
    }

    /// <summary>Closes the door and every connection; what it stored stays.</summary>
    public async Task StopAsync()
    {
        if (_app is null) return;
        using CancellationTokenSource now = new(TimeSpan.FromMilliseconds(100));
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
        _app = null;
    }

    /// <summary>As an administrator does it, without a connection.</summary>
    public JsonObject Create(string plural, JsonObject body, string scope = "default", string group = "")
    {
        ResourceKind kind = ResourceKind.All.First(k => k.Plural == plural && k.Group == group);
        return _writer.Create(new(kind, "create", kind.Namespaced ? scope : "", "", ""), Admin, body, strict: true);
    }

    public JsonObject? Find(string plural, string name, string scope = "default", string group = "")
    {
        ResourceKind kind = ResourceKind.All.First(k => k.Plural == plural && k.Group == group);
        return Store.Find(kind, kind.Namespaced ? scope : "", name);
    }

    public void Delete(string plural, string name, string scope = "default", long? grace = null)
    {
        ResourceKind kind = ResourceKind.All.First(k => k.Plural == plural);
        _writer.Delete(new(kind, "delete", kind.Namespaced ? scope : "", name, ""), Admin, grace is { } seconds ? new JsonObject { ["gracePeriodSeconds"] = seconds } : null);
    }

    /// <summary>Waits until what is stored is as asked.</summary>
    public async Task<T> WaitAsync<T>(Func<ObjectStore, T?> wanted, CancellationToken deadline) where T : class
    {
        while (true)
        {
            Task next = Store.Since(Store.Version).Next;
            if (wanted(Store) is { } found) return found;
            await next.WaitAsync(deadline);
        }
    }

    /// <summary>A kubeconfig with a client certificate embedded.</summary>
    public string Kubeconfig(X509Certificate2 client) => KubeconfigOf(
        $"client-certificate-data: {Base64(client.ExportCertificatePem())}, client-key-data: {Base64(client.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem())}");

    /// <summary>A kubeconfig with a token.</summary>
    public string Kubeconfig(string token) => KubeconfigOf($"token: {token}");

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _proxy.Dispose();
        _serving.Dispose();
        _toNodes.Dispose();
        Authority.Dispose();
    }

    private string KubeconfigOf(string credentials) => $$"""
        apiVersion: v1
        kind: Config
        clusters: [{name: double, cluster: {{Cluster()}} }]
        contexts: [{name: double, context: {cluster: double, user: me} }]
        current-context: double
        users: [{name: me, user: { {{credentials}} } }]
        """;

    private string Cluster() => $"{{server: \"{Url.ToString().TrimEnd('/')}\", certificate-authority-data: {Base64(Authority.RootPem)}}}";

    private static string Base64(string text) => Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(text));

    private void MakeNamespace(string name)
    {
        Create("namespaces", new JsonObject { ["metadata"] = new JsonObject { ["name"] = name } });
        Create("serviceaccounts", new JsonObject { ["metadata"] = new JsonObject { ["name"] = "default" } }, name);
        Create("configmaps", new JsonObject { ["metadata"] = new JsonObject { ["name"] = "kube-root-ca.crt" }, ["data"] = new JsonObject { ["ca.crt"] = Authority.RootPem } }, name);
    }

    private async Task HandleAsync(HttpContext context)
    {
        try
        {
            ApiUser user = Authenticate(context);
            Asked?.Invoke(user.Name, context.Request);
            if (await Faults.TakeAsync(context)) return;
            await RouteAsync(context, user);
        }
        catch (ApiException e)
        {
            await AnswerAsync(context, e.ToStatus(), e.Code);
        }
        catch (JsonException e)
        {
            await AnswerAsync(context, ApiException.BadRequest(e.Message).ToStatus(), 400);
        }
        catch (OperationCanceledException)
        {
            // The client left.
        }
    }

    private ApiUser Authenticate(HttpContext context)
    {
        if (context.Connection.ClientCertificate is { } certificate)
            return Authority.Authenticate(certificate) ?? throw new ApiException(401, "Unauthorized", "Unauthorized");
        string header = context.Request.Headers.Authorization.ToString();
        if (!header.StartsWith("Bearer ", StringComparison.Ordinal)) return ApiUser.Anonymous;
        return Tokens.Authenticate(header["Bearer ".Length..]) ?? throw new ApiException(401, "Unauthorized", "Unauthorized");
    }

    private async Task RouteAsync(HttpContext context, ApiUser user)
    {
        string path = context.Request.Path.Value ?? "/";
        if (path is "/healthz" or "/livez" or "/readyz") { await context.Response.WriteAsync("ok"); return; }
        if (Discovery.Answer(path) is { } discovered) { await AnswerAsync(context, discovered); return; }
        if (user.IsAdmin && await _metrics.AnswerAsync(path, context.RequestAborted) is { } metrics) { await AnswerAsync(context, metrics); return; }
        ApiRequest request = ApiRequest.Read(context.Request) ?? throw new ApiException(404, "NotFound", "the server could not find the requested resource");
        IQueryCollection query = context.Request.Query;
        Selectors selectors = new(query["labelSelector"].ToString(), query["fieldSelector"].ToString());
        if (Refusal(user, request, selectors) is { } why) throw ApiException.Forbidden(request, user, why);
        if (request.SubResource is "log" or "exec" or "attach" or "portforward" or "proxy") { await _proxy.PassAsync(request, context); return; }
        if (request.Verb is "list" or "watch") selectors.Check(Settings.UnknownFields);
        if (request.Verb == "watch") { await _watches.WatchAsync(request, selectors, context); return; }
        bool strict = query["fieldValidation"] == "Strict";
        JsonNode? body = context.Request.Method is "POST" or "PUT" or "PATCH" or "DELETE" ? await BodyAsync(context) : null;
        JsonObject answer = request.Verb switch
        {
            "get" => Store.Find(request.Kind, request.Namespace, request.Name) ?? throw ApiException.NotFound(request.Kind, request.Name),
            "list" => _watches.List(request, selectors),
            "create" => Create(request, user, body as JsonObject ?? throw ApiException.BadRequest("a body is needed"), strict),
            "update" => _writer.Replace(request, user, body as JsonObject ?? throw ApiException.BadRequest("a body is needed"), strict),
            "patch" => _writer.Patch(request, user, context.Request.ContentType ?? "", body ?? throw ApiException.BadRequest("a body is needed"), strict),
            "delete" => _writer.Delete(request, user, body as JsonObject ?? DeleteOptions(query)),
            _ => throw new ApiException(405, "MethodNotAllowed", $"the double does not serve {request.Verb}"),
        };
        await AnswerAsync(context, answer, request is { Verb: "create", Kind.Stored: true } ? 201 : 200);
    }

    private string? Refusal(ApiUser user, ApiRequest request, Selectors selectors)
    {
        if (user.IsAdmin) return null;
        if (user.Node is { } node) return _nodes.Refusal(node, request, selectors);
        if (user.Groups.Contains(ApiUser.Bootstrappers)) return request.Kind.Plural == "certificatesigningrequests" ? null : "a bootstrap token asks for certificates only";
        return "no rule allows it";
    }

    private JsonObject Create(ApiRequest request, ApiUser user, JsonObject body, bool strict) => (request.Kind.Plural, request.SubResource) switch
    {
        ("tokenreviews", _) => Tokens.Review(body),
        ("subjectaccessreviews", _) => Review(body),
        ("serviceaccounts", "token") when user.Node is { } node && _nodes.TokenRefusal(node, request, body) is { } why => throw ApiException.Forbidden(request, user, why),
        ("serviceaccounts", "token") => Tokens.Bind(request.Namespace, request.Name, body),
        ("pods", "binding") => Bind(request, user, body),
        ("pods", "eviction") => _writer.Delete(request with { SubResource = "" }, user, body["deleteOptions"] as JsonObject),
        (_, "") => _writer.Create(request, user, body, strict),
        _ => throw new ApiException(405, "MethodNotAllowed", $"the double does not create {request.Kind.Plural}/{request.SubResource}"),
    };

    private JsonObject Review(JsonObject review)
    {
        JsonObject answer = (JsonObject)review.DeepClone();
        JsonNode? asked = review["spec"]?["resourceAttributes"];
        ApiUser user = new(Text(review["spec"]?["user"]), [.. (review["spec"]?["groups"] as JsonArray ?? []).Select(g => Text(g))]);
        bool allowed = Text(asked?["resource"]) == "nodes" && Settings.Allows(user, Text(asked?["verb"]), Text(asked?["subresource"]));
        answer["status"] = new JsonObject { ["allowed"] = allowed };
        return answer;
    }

    private JsonObject Bind(ApiRequest request, ApiUser user, JsonObject binding)
    {
        Store.Update(request.Kind, request.Namespace, request.Name, there =>
        {
            if (there is null) throw ApiException.NotFound(request.Kind, request.Name);
            JsonObject bound = (JsonObject)there.DeepClone();
            bound["spec"]!["nodeName"] = Text(binding["target"]?["name"]);
            return bound;
        });
        return new() { ["kind"] = "Status", ["apiVersion"] = "v1", ["status"] = "Success", ["code"] = 201 };
    }

    private static JsonObject? DeleteOptions(IQueryCollection query) =>
        long.TryParse(query["gracePeriodSeconds"], out long grace) ? new JsonObject { ["gracePeriodSeconds"] = grace } : null;

    private static async Task<JsonNode?> BodyAsync(HttpContext context)
    {
        using StreamReader reader = new(context.Request.Body);
        string text = await reader.ReadToEndAsync(context.RequestAborted);
        if (text.Length == 0) return null;
        if (context.Request.ContentType is { } type && !type.Contains("json", StringComparison.Ordinal)) throw new ApiException(415, "UnsupportedMediaType", $"the double reads JSON, not {type}");
        return JsonNode.Parse(text);
    }

    private static async Task AnswerAsync(HttpContext context, JsonObject answer, int code = 200)
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(answer.ToJsonString(), context.RequestAborted);
    }
}
