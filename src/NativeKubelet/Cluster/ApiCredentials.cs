using System.Net.Http.Headers;
using System.Text;
using NativeKubelet.Cluster.Certificates;
using NativeKubelet.Config;

namespace NativeKubelet.Cluster;

/// <summary>
/// What proves to the API server who we are, as it is now: files are read anew when they changed, so that whoever renews them
/// needs to tell nobody.
/// </summary>
/// <param name="renewed">They take the place of the user's own certificate as soon as there are any; null: nobody renews it here.</param>
public sealed class ApiCredentials(KubeconfigUser user, CertificateFiles? renewed, ExecCredentials? exec, TimeProvider time) : IDisposable
{
    /// <summary>A token file changes without a sign; it is read anew that often, and at once after a refusal.</summary>
    private static readonly TimeSpan TokenLife = TimeSpan.FromSeconds(60);

    private readonly Lock _gate = new();
    private ClientCertificate? _certificate;
    private DateTime _written;
    private string? _token;
    private long _tokenRead;

    /// <summary>For the TLS handshake; null where there is none (yet).</summary>
    /// <exception cref="ConfigException">It is there and cannot be used.</exception>
    public ClientCertificate? Certificate()
    {
        if (exec?.Certificate is { } given) return given;
        lock (_gate)
        {
            if (renewed is { Exists: true }) return OfFile(renewed.CurrentPath, () => File.ReadAllText(renewed.CurrentPath));
            if (user.CertificatePem is { } pem) return _certificate ??= ClientCertificate.Load("client-certificate-data", () => pem, user.KeyText);
            return user.CertificateFile is { } file && File.Exists(file) ? OfFile(file, user.KeyText) : _certificate;
        }
    }

    public async Task SignAsync(HttpRequestMessage request, CancellationToken cancel)
    {
        string? token = exec is null ? Token() : await exec.TokenAsync(cancel);
        if (token is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        else if (user.Username is { } name)
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{name}:{user.Password}")));
        if (user.As is { } other) request.Headers.Add("Impersonate-User", other);
        foreach (string group in user.AsGroups) request.Headers.Add("Impersonate-Group", group);
    }

    /// <summary>The server said 401: what can be had anew is had anew for the next request.</summary>
    public void Refused()
    {
        lock (_gate) _token = null;
        exec?.Forget();
    }

    public void Dispose()
    {
        lock (_gate) _certificate?.Leaf.Dispose();
        exec?.Dispose();
    }

    private string? Token()
    {
        if (user.TokenFile is not { } file) return user.Token;
        lock (_gate)
        {
            if (_token is not null && time.GetElapsedTime(_tokenRead) < TokenLife) return _token;
            try
            {
                string text = File.ReadAllText(file).Trim();
                if (text.Length > 0) (_token, _tokenRead) = (text, time.GetTimestamp());
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Whoever writes it is between two writes, or has not begun: what was known goes on.
            }
            return _token ?? user.Token;
        }
    }

    private ClientCertificate OfFile(string file, Func<string> key)
    {
        // Of a link this is its own time: it is made anew when it is to lead elsewhere.
        DateTime written = File.GetLastWriteTimeUtc(file);
        if (_certificate is not null && written == _written) return _certificate;
        // Connections in use still hold the former one: it is left to the collector.
        _certificate = ClientCertificate.Load(file, () => File.ReadAllText(file), key);
        _written = written;
        return _certificate;
    }
}
