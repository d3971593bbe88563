using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using NativeKubelet.Config;
using NativeKubelet.Core.Certificates;
using NativeKubelet.Core.Resources;
using NativeKubelet.Core.Stats;
using NativeKubelet.Linux.Files;

namespace NativeKubelet.Cluster.Certificates;

/// <summary>
/// How this node proves to the cluster who it is: by its kubeconfig, or, until there is one that will do, by a bootstrap
/// kubeconfig that is good for nothing but to ask for a certificate. Where that is wanted, the certificate is kept fresh.
/// </summary>
internal sealed partial class ClusterCredentials : IDisposable
{
    private readonly CertificateFiles _files;
    private readonly CertificateRotation? _rotation;
    private readonly ClusterAccess? _bootstrap;
    private readonly string _kubeconfig, _name;
    private readonly bool _rotate, _atOnce;
    private readonly RateLimit _limit;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="options">With a kubeconfig, or a bootstrap kubeconfig that can be read.</param>
    /// <param name="rotate">rotateCertificates.</param>
    /// <param name="failures">Counts what could not be renewed.</param>
    /// <exception cref="ConfigException">Neither kubeconfig is any use.</exception>
    public ClusterCredentials(NodeOptions options, string name, bool rotate, RateLimit limit, CounterFamily failures, TimeProvider time, ILogger log)
    {
        (_kubeconfig, _name, _rotate, _limit, _time, _log) = (options.Kubeconfig!, name, rotate, limit, time, log);
        _files = CertificateFiles.Client(options.CertDirectory);
        _files.Recover();
        Kubeconfig? own = Own(options.BootstrapKubeconfig);
        if (own is null)
        {
            Kubeconfig first = Kubeconfig.Load(options.BootstrapKubeconfig!);
            _bootstrap = ClusterAccess.Open(first, null, limit, time);
            own = first with { User = KubeconfigUser.OfFile(_files.CurrentPath) };
        }
        bool renews = _bootstrap is not null || (rotate && own.User.HasCertificate);
        _atOnce = renews && MustTakeGiven(own.User);
        // Where it cannot be kept, what lies there is over, and would be shown in its place.
        Access = ClusterAccess.Open(own, renews && (!_atOnce || KeepGiven(own.User)) ? _files : null, limit, time);
        if (renews) _rotation = new(_files, CertificateWish.Client(name), Access.OwnCertificate, new(Asking, time, log), Kept, failures, time, log);
        else _ready.SetResult();
        if (_bootstrap is null) _ready.TrySetResult();
    }

    public ClusterAccess Access { get; }

    /// <summary>Completes when there is something to prove it with, be it good or not.</summary>
    public Task Ready => _ready.Task;

    public async Task RunAsync(CancellationToken cancel)
    {
        if (_rotation is null) return;
        using CancellationTokenSource first = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        if (_bootstrap is not null) Bootstrapping(_name, _kubeconfig);
        Task running = _rotation.RunAsync(_atOnce, first.Token);
        if (!_rotate)
        {
            // One certificate was asked for, and whoever gave the bootstrap kubeconfig renews it.
            await Task.WhenAny(running, Ready);
            await first.CancelAsync();
        }
        try
        {
            await running;
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
        }
    }

    public void Dispose()
    {
        Access.Dispose();
        _bootstrap?.Dispose();
    }

    /// <summary>The node's own kubeconfig, if it will do or there is nothing better.</summary>
    private Kubeconfig? Own(string? bootstrap)
    {
        bool fallBack = bootstrap is not null && File.Exists(bootstrap);
        try
        {
            if (!File.Exists(_kubeconfig)) return fallBack ? null : throw new ConfigException($"kubeconfig {_kubeconfig} does not exist");
            Kubeconfig own = Kubeconfig.Load(_kubeconfig);
            if (!own.User.HasCertificate) return own;
            if (GivenIsGood(own.User)) return own;
            using ClusterAccess tried = ClusterAccess.Open(own, _rotate ? _files : null, _limit, _time);
            using X509Certificate2? certificate = tried.OwnCertificate();
            if (IsGood(certificate)) return own;
            CertificateOver(_kubeconfig, certificate is null ? "cannot be read" : $"ended at {certificate.NotAfter.ToUniversalTime():yyyy-MM-ddTHH:mm:ssZ}", fallBack ? "a new one is asked for with the bootstrap kubeconfig" : "a new one must be put in its place");
            return fallBack ? null : own;
        }
        catch (ConfigException e) when (fallBack)
        {
            CertificateOver(_kubeconfig, e.Message, "a new one is asked for with the bootstrap kubeconfig");
            return null;
        }
    }

    /// <summary>A certificate in the kubeconfig itself is there to begin with, or to begin anew when the renewed one is over.</summary>
    private bool MustTakeGiven(KubeconfigUser user) =>
        GivenIsGood(user) && !(_files.Exists && IsGood(_files.CurrentPath, () => File.ReadAllText(_files.CurrentPath), () => File.ReadAllText(_files.CurrentPath)));

    /// <summary>Puts it where renewed ones lie, as kubeadm looks for it there and then takes it out of the kubeconfig.</summary>
    /// <returns>False when that cannot be, which is told.</returns>
    private bool KeepGiven(KubeconfigUser user)
    {
        try
        {
            _files.Keep(user.CertificatePem!, user.KeyText(), _time.GetUtcNow());
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            GivenNotKept(_kubeconfig, _files.CurrentPath, e.Message);
            return false;
        }
    }

    private bool GivenIsGood(KubeconfigUser user) => user.CertificatePem is { } pem && IsGood("client-certificate-data", () => pem, user.KeyText);

    private ApiClient Asking()
    {
        using X509Certificate2? own = Access.OwnCertificate();
        return _bootstrap is null || IsGood(own) ? Access.Client : _bootstrap.Client;
    }

    private bool IsGood(string what, Func<string> certificate, Func<string> key)
    {
        try
        {
            using X509Certificate2 leaf = ClientCertificate.Load(what, certificate, key).Leaf;
            return IsGood(leaf);
        }
        catch (ConfigException)
        {
            return false;
        }
    }

    private bool IsGood(X509Certificate2? certificate) => certificate is not null && certificate.NotAfter.ToUniversalTime() > _time.GetUtcNow().UtcDateTime;

    /// <summary>A certificate that will do is there.</summary>
    private void Kept()
    {
        try
        {
            // Last: while there is none, the next agent begins anew.
            if (_bootstrap is not null && AtomicFile.Write(_kubeconfig, Access.File.ToYaml())) KubeconfigWritten(_kubeconfig, _files.CurrentPath);
        }
        catch (IOException e)
        {
            KubeconfigNotWritten(_kubeconfig, e.Message);
        }
        // Those that were made with the former certificate end with it.
        Access.Client.CloseConnections();
        _ready.TrySetResult();
    }

    [LoggerMessage(LogLevel.Information, "BootstrapBegun node={Node}: its first client certificate is asked for; {Kubeconfig} is written when it is there")]
    private partial void Bootstrapping(string node, string kubeconfig);

    [LoggerMessage(LogLevel.Information, "KubeconfigWritten path={Path} certificate={Certificate}")]
    private partial void KubeconfigWritten(string path, string certificate);

    [LoggerMessage(LogLevel.Error, "KubeconfigNotWritten path={Path}: {Cause}; the next start asks for a certificate again")]
    private partial void KubeconfigNotWritten(string path, string cause);

    [LoggerMessage(LogLevel.Warning, "GivenCertificateNotKept kubeconfig={Kubeconfig} path={Path}: {Cause}; a new one is asked for with it all the same")]
    private partial void GivenNotKept(string kubeconfig, string path, string cause);

    [LoggerMessage(LogLevel.Error, "ClientCertificateOver kubeconfig={Kubeconfig}: the certificate {What}; {Next}")]
    private partial void CertificateOver(string kubeconfig, string what, string next);
}
