using System.Net.Http.Headers;
using System.Text.Json;
using k8s.Models;
using NativeKubelet.Api.Kubernetes;

namespace NativeKubelet.Cluster;

/// <summary>
/// The API server's verbs on typed objects. A path is below the server's address (<c>api/v1/nodes/a</c>). Every failure is an
/// <see cref="ApiException"/>; nothing is retried here, as only the caller knows what still matters.
/// </summary>
/// <param name="rate">How often a request may begin, a watch too; null: as often as it likes.</param>
/// <param name="patience">How long an answer may take.</param>
public sealed class ApiClient(Uri server, ApiTransport transport, RequestRate? rate, TimeSpan patience)
{
    public const string StrategicMerge = "application/strategic-merge-patch+json";

    private const int MostErrorBytes = 64 << 10;

    /// <summary>Of the usual request: a server that is busy answers late.</summary>
    public static readonly TimeSpan UsualPatience = TimeSpan.FromSeconds(60);

    // A lease lives for 40 s: one that is asked of a server that hangs must be asked of the next one well before.
    private static readonly TimeSpan HeartbeatPatience = TimeSpan.FromSeconds(10);

    public Task<T> GetAsync<T>(string path, CancellationToken cancel) => AskAsync<T>(HttpMethod.Get, path, null, null, cancel);

    public Task<T> CreateAsync<T>(string path, T value, CancellationToken cancel) => AskAsync<T>(HttpMethod.Post, path, KubernetesJson.Write(value), "application/json", cancel);

    public Task<T> ReplaceAsync<T>(string path, T value, CancellationToken cancel) => AskAsync<T>(HttpMethod.Put, path, KubernetesJson.Write(value), "application/json", cancel);

    public Task<T> PatchAsync<T>(string path, byte[] patch, string type, CancellationToken cancel) => AskAsync<T>(HttpMethod.Patch, path, patch, type, cancel);

    /// <summary>Gone already is success.</summary>
    /// <param name="uid">Only this one of the name.</param>
    public async Task DeleteAsync(string path, string uid, long graceSeconds, CancellationToken cancel)
    {
        byte[] options = KubernetesJson.Write(new V1DeleteOptions { ApiVersion = "v1", Kind = "DeleteOptions", GracePeriodSeconds = graceSeconds, Preconditions = new V1Preconditions { Uid = uid } });
        await TurnAsync(HttpMethod.Delete, cancel);
        try
        {
            using HttpResponseMessage answer = await SendAsync(HttpMethod.Delete, path, options, "application/json", patience, cancel);
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            // What was wanted is so.
        }
    }

    /// <summary>The open body of a watch; the caller reads and disposes it.</summary>
    public async Task<HttpResponseMessage> WatchAsync(string path, CancellationToken cancel)
    {
        await TurnAsync(HttpMethod.Get, cancel);
        return await SendAsync(HttpMethod.Get, path, null, null, patience, cancel);
    }

    public ApiMeasures Measures => transport.Measures;

    /// <summary>The same server, for what must not wait for others nor for long: signs of life, and what has a limit of its own.</summary>
    public ApiClient Unlimited => new(server, transport, null, HeartbeatPatience);

    /// <summary>The next request makes a new connection: an answer did not come on the present ones.</summary>
    public void RenewConnections() => transport.Renew();

    /// <summary>All connections end now, with what is under way on them: they were made with credentials of the past.</summary>
    public void CloseConnections() => transport.Close();

    private async Task<T> AskAsync<T>(HttpMethod method, string path, byte[]? body, string? type, CancellationToken cancel)
    {
        await TurnAsync(method, cancel);
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(patience);
        try
        {
            using HttpResponseMessage answer = await SendAsync(method, path, body, type, Timeout.InfiniteTimeSpan, limit.Token);
            // Not decoded from the stream: that alone would compile every model's converters a second time, as state machines (1 MB).
            byte[] content = await answer.Content.ReadAsByteArrayAsync(limit.Token);
            return JsonSerializer.Deserialize(content, KubernetesJson.TypeInfo<T>()) ?? throw Failure(method, path, "the answer is empty");
        }
        catch (JsonException e)
        {
            throw Failure(method, path, $"the answer cannot be read: {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            throw Failure(method, path, $"the answer broke off: {e.Message}", e);
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw Failure(method, path, $"no answer within {patience.TotalSeconds:0} s", e);
        }
    }

    /// <summary>Before anybody's patience begins: the server has not been asked yet.</summary>
    private async Task TurnAsync(HttpMethod method, CancellationToken cancel)
    {
        if (rate is not null) Measures.Waited(method.Method, await rate.WaitAsync(cancel));
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, byte[]? body, string? type, TimeSpan longest, CancellationToken cancel)
    {
        using HttpRequestMessage request = new(method, new Uri(server, path));
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue(type!);
        }
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(longest);
        HttpResponseMessage answer;
        try
        {
            answer = await transport.SendAsync(request, limit.Token);
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw Failure(method, path, $"no answer within {longest.TotalSeconds:0} s", e);
        }
        if (answer.IsSuccessStatusCode) return answer;
        using (answer) throw await RefusalAsync(method, path, answer, cancel);
    }

    private static async Task<ApiException> RefusalAsync(HttpMethod method, string path, HttpResponseMessage answer, CancellationToken cancel)
    {
        TimeSpan? retryAfter = answer.Headers.RetryAfter?.Delta;
        V1Status? status = null;
        string words = "";
        try
        {
            await using Stream content = await answer.Content.ReadAsStreamAsync(cancel);
            byte[] body = new byte[MostErrorBytes];
            int length = await content.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, cancel);
            words = System.Text.Encoding.UTF8.GetString(body, 0, Math.Min(length, 300)).Trim();
            status = KubernetesJson.Read<V1Status>(body.AsSpan(0, length));
        }
        catch (Exception e) when (e is JsonException or IOException or HttpRequestException)
        {
            // A proxy on the way answers in words of its own.
        }
        return new((int)answer.StatusCode, status?.Reason ?? "", $"{method} {Bare(path)}: {(int)answer.StatusCode} {status?.Message ?? words}".TrimEnd(), retryAfter);
    }

    private static ApiException Failure(HttpMethod method, string path, string cause, Exception? inner = null) => new(0, "", $"{method} {Bare(path)}: {cause}", inner: inner);

    private static string Bare(string path) => "/" + path.Split('?')[0];
}
