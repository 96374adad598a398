//! What the pages about failures say, in every language: English, Brazilian Portuguese, Spanish, French, German.

use super::rescue::{Failure, Locale};
use crate::upstream::{ConnectError, TlsProblem, UpstreamError};

/// One thing in every language, in the order of [`Locale`].
type Each<T> = [T; 5];
/// Title and text of a page.
type Page = (&'static str, &'static str);

pub(super) fn page(failure: &Failure, locale: Locale) -> Page {
    pages(failure)[locale as usize]
}

pub(super) fn back(locale: Locale) -> &'static str {
    BACK[locale as usize]
}

pub(super) fn again(locale: Locale) -> &'static str {
    AGAIN[locale as usize]
}

pub(super) fn farewell(locale: Locale) -> &'static Parting {
    &PARTING[locale as usize]
}

fn pages(failure: &Failure) -> &'static Each<Page> {
    match failure {
        Failure::Misdirected(_) => &MISDIRECTED,
        Failure::Ended { .. } => &ENDED,
        Failure::NotCustomer => &NOT_CUSTOMER,
        Failure::NotAllowed { .. } => &NOT_ALLOWED,
        Failure::Busy => &BUSY,
        Failure::Overloaded => &OVERLOADED,
        Failure::NoSite | Failure::NotFound => &NOT_FOUND,
        Failure::Forbidden(_) => &FORBIDDEN,
        Failure::Malformed(_) | Failure::Upgrade(_) => &MALFORMED,
        Failure::Body { .. } => &UNREADABLE,
        Failure::Upstream { cause, .. } => match cause {
            UpstreamError::Connect(error) => connecting(error),
            UpstreamError::FirstByte(_) => &SLOW,
            UpstreamError::Protocol(_) | UpstreamError::Closed(_) | UpstreamError::Downstream(_) => &BROKEN_OFF,
        },
    }
}

fn connecting(error: &ConnectError) -> &'static Each<Page> {
    match error {
        ConnectError::NoSuchName => &NO_SUCH_NAME,
        ConnectError::Dns(_) => &DNS,
        ConnectError::Guarded(_) | ConnectError::Address => &PRIVATE,
        ConnectError::Refused => &REFUSED,
        ConnectError::Unreachable(_) => &UNREACHABLE,
        ConnectError::Timeout(_) => &SLOW,
        ConnectError::Tls(TlsProblem::Expired) => &EXPIRED,
        ConnectError::Tls(TlsProblem::WrongName) => &WRONG_NAME,
        ConnectError::Tls(TlsProblem::UnknownAuthority) => &UNKNOWN_AUTHORITY,
        ConnectError::Tls(TlsProblem::Revoked) => &REVOKED,
        ConnectError::Tls(TlsProblem::Other(_)) => &NOT_SECURE,
    }
}

const BACK: Each<&str> = [
    "Back to where the session started",
    "Voltar ao início da sessão",
    "Volver al inicio de la sesión",
    "Revenir au début de la session",
    "Zurück zum Anfang der Sitzung",
];

const AGAIN: Each<&str> = ["Try again", "Tentar de novo", "Intentar de nuevo", "Réessayer", "Erneut versuchen"];

const MISDIRECTED: Each<Page> = [
    ("There is nothing at this address", "Lado does not serve this host name. Check the address you were given."),
    ("Não há nada neste endereço", "O Lado não atende este nome. Confira o endereço que você recebeu."),
    ("No hay nada en esta dirección", "Lado no atiende este nombre. Compruebe la dirección que ha recibido."),
    ("Il n’y a rien à cette adresse", "Lado ne sert pas ce nom. Vérifiez l’adresse que vous avez reçue."),
    (
        "Unter dieser Adresse ist nichts",
        "Lado kennt diesen Namen nicht. Prüfen Sie die Adresse, die Sie bekommen haben.",
    ),
];

const ENDED: Each<Page> = [
    (
        "This session is over",
        "Nobody can see this page any more, and what the session kept is gone. You can close this tab.",
    ),
    (
        "Esta sessão terminou",
        "Ninguém mais vê esta página, e o que a sessão guardava foi apagado. Você pode fechar esta aba.",
    ),
    ("La sesión ha terminado", "Nadie ve ya esta página. Puede cerrar esta pestaña."),
    ("La session est terminée", "Plus personne ne voit cette page. Vous pouvez fermer cet onglet."),
    ("Die Sitzung ist beendet", "Niemand sieht diese Seite mehr. Sie können den Tab schließen."),
];

const NOT_CUSTOMER: Each<Page> = [
    (
        "You are not part of this session",
        "Only the browser in which the link was opened can see this page. To join, ask the agent for a new link and open \
         it here.",
    ),
    (
        "Você não participa desta sessão",
        "Só o navegador em que o link foi aberto pode ver esta página. Para participar, peça um novo link ao atendente e \
         abra-o aqui.",
    ),
    (
        "Usted no participa en esta sesión",
        "Solo el navegador en el que se abrió el enlace puede ver esta página. Para participar, pida un enlace nuevo al \
         agente y ábralo aquí.",
    ),
    (
        "Vous ne participez pas à cette session",
        "Seul le navigateur dans lequel le lien a été ouvert peut voir cette page. Pour participer, demandez un nouveau \
         lien au conseiller et ouvrez-le ici.",
    ),
    (
        "Sie nehmen an dieser Sitzung nicht teil",
        "Nur der Browser, in dem der Link geöffnet wurde, kann diese Seite sehen. Bitten Sie um einen neuen Link und \
         öffnen Sie ihn hier.",
    ),
];

const NOT_ALLOWED: Each<Page> = [
    (
        "This site is not part of the session",
        "The company you are talking to does not share this site with you. Open it in another tab if you need it for \
         yourself.",
    ),
    (
        "Este site não faz parte da sessão",
        "A empresa que atende você não compartilha este site. Se precisar dele, abra-o em outra aba.",
    ),
    (
        "Este sitio no forma parte de la sesión",
        "La empresa que le atiende no comparte este sitio. Si lo necesita, ábralo en otra pestaña.",
    ),
    (
        "Ce site ne fait pas partie de la session",
        "L’entreprise qui vous aide ne partage pas ce site. Si vous en avez besoin, ouvrez-le dans un autre onglet.",
    ),
    (
        "Diese Website gehört nicht zur Sitzung",
        "Die Firma, mit der Sie sprechen, teilt diese Website nicht. Wenn Sie sie brauchen, öffnen Sie sie in einem \
         anderen Tab.",
    ),
];

const BUSY: Each<Page> = [
    ("Everybody is busy", "There is no room for another session at the moment. Try again in a minute."),
    ("Está tudo ocupado", "Não há lugar para outra sessão no momento. Tente de novo em um minuto."),
    ("Todo está ocupado", "No hay sitio para otra sesión en este momento. Inténtelo de nuevo en un minuto."),
    ("Tout est occupé", "Il n’y a pas de place pour une autre session en ce moment. Réessayez dans une minute."),
    ("Alles ist besetzt", "Für eine weitere Sitzung ist gerade kein Platz. Versuchen Sie es in einer Minute erneut."),
];

const OVERLOADED: Each<Page> = [
    ("Too many visitors at once", "Try again in a few seconds."),
    ("Muitos acessos ao mesmo tempo", "Tente de novo em alguns segundos."),
    ("Demasiadas visitas a la vez", "Inténtelo de nuevo en unos segundos."),
    ("Trop de visiteurs en même temps", "Réessayez dans quelques secondes."),
    ("Zu viele Besucher gleichzeitig", "Versuchen Sie es in ein paar Sekunden erneut."),
];

const NOT_FOUND: Each<Page> = [
    ("There is nothing at this address", "The address leads nowhere in this session."),
    ("Não há nada neste endereço", "Este endereço não leva a nada nesta sessão."),
    ("No hay nada en esta dirección", "Esta dirección no lleva a ninguna parte en esta sesión."),
    ("Il n’y a rien à cette adresse", "Cette adresse ne mène nulle part dans cette session."),
    ("Unter dieser Adresse ist nichts", "Diese Adresse führt in dieser Sitzung nirgendwohin."),
];

const FORBIDDEN: Each<Page> = [
    ("This is not allowed", "The page that asked for this may not have it."),
    ("Isto não é permitido", "A página que pediu isto não pode recebê-lo."),
    ("Esto no está permitido", "La página que lo ha pedido no puede recibirlo."),
    ("Ceci n’est pas autorisé", "La page qui l’a demandé n’y a pas droit."),
    ("Das ist nicht erlaubt", "Die Seite, die danach gefragt hat, darf es nicht bekommen."),
];

const MALFORMED: Each<Page> = [
    ("The request cannot be understood", "The browser sent something that Lado cannot read."),
    ("O pedido não foi entendido", "O navegador enviou algo que o Lado não consegue ler."),
    ("No se entiende la petición", "El navegador ha enviado algo que Lado no puede leer."),
    ("La demande est incompréhensible", "Le navigateur a envoyé quelque chose que Lado ne peut pas lire."),
    ("Die Anfrage ist unverständlich", "Der Browser hat etwas geschickt, das Lado nicht lesen kann."),
];

const UNREADABLE: Each<Page> = [
    (
        "The site sent something unreadable",
        "What the site sent is damaged or far too large. Try again, or tell the agent.",
    ),
    (
        "O site enviou algo ilegível",
        "O que o site enviou está danificado ou é grande demais. Tente de novo ou avise o atendente.",
    ),
    (
        "El sitio ha enviado algo ilegible",
        "Lo que ha enviado está dañado o es demasiado grande. Inténtelo de nuevo o avise al agente.",
    ),
    (
        "Le site a envoyé quelque chose d’illisible",
        "Ce qu’il a envoyé est endommagé ou beaucoup trop grand. Réessayez ou prévenez le conseiller.",
    ),
    (
        "Die Website hat etwas Unlesbares geschickt",
        "Es ist beschädigt oder viel zu groß. Versuchen Sie es erneut oder sagen Sie es dem Berater.",
    ),
];

const NO_SUCH_NAME: Each<Page> = [
    ("This site does not exist", "No site has this name. Check the spelling of the address."),
    ("Este site não existe", "Nenhum site tem este nome. Confira como o endereço foi escrito."),
    ("Este sitio no existe", "Ningún sitio tiene este nombre. Compruebe cómo está escrita la dirección."),
    ("Ce site n’existe pas", "Aucun site ne porte ce nom. Vérifiez l’orthographe de l’adresse."),
    ("Diese Website gibt es nicht", "Keine Website hat diesen Namen. Prüfen Sie, wie die Adresse geschrieben ist."),
];

const DNS: Each<Page> = [
    ("The site's name cannot be looked up", "The name service did not answer. Try again in a moment."),
    ("Não foi possível localizar o site", "O serviço de nomes não respondeu. Tente de novo em instantes."),
    (
        "No se ha podido localizar el sitio",
        "El servicio de nombres no ha respondido. Inténtelo de nuevo en un momento.",
    ),
    ("Le site n’a pas pu être localisé", "Le service de noms n’a pas répondu. Réessayez dans un instant."),
    (
        "Der Name der Website lässt sich nicht nachschlagen",
        "Der Namensdienst hat nicht geantwortet. Versuchen Sie es gleich erneut.",
    ),
];

const PRIVATE: Each<Page> = [
    ("This address is private", "Lado does not open addresses inside private networks."),
    ("Este endereço é privado", "O Lado não abre endereços de redes privadas."),
    ("Esta dirección es privada", "Lado no abre direcciones de redes privadas."),
    ("Cette adresse est privée", "Lado n’ouvre pas les adresses de réseaux privés."),
    ("Diese Adresse ist privat", "Lado öffnet keine Adressen in privaten Netzen."),
];

const REFUSED: Each<Page> = [
    ("The site refuses the connection", "Its machine is there, but nothing answers at this port. Try again later."),
    ("O site recusou a conexão", "A máquina existe, mas nada responde nesta porta. Tente de novo mais tarde."),
    ("El sitio rechaza la conexión", "La máquina existe, pero nada responde en este puerto. Inténtelo más tarde."),
    ("Le site refuse la connexion", "Sa machine est là, mais rien ne répond sur ce port. Réessayez plus tard."),
    (
        "Die Website lehnt die Verbindung ab",
        "Der Rechner ist da, aber an diesem Port antwortet nichts. Versuchen Sie es später erneut.",
    ),
];

const UNREACHABLE: Each<Page> = [
    ("The site cannot be reached", "There is no way to its machine at the moment. Try again later."),
    ("Não foi possível chegar ao site", "Não há caminho até ele no momento. Tente de novo mais tarde."),
    ("No se puede llegar al sitio", "En este momento no hay camino hasta él. Inténtelo más tarde."),
    ("Le site est injoignable", "Aucun chemin n’y mène en ce moment. Réessayez plus tard."),
    ("Die Website ist nicht erreichbar", "Im Moment führt kein Weg zu ihr. Versuchen Sie es später erneut."),
];

const SLOW: Each<Page> = [
    ("The site takes too long to answer", "It may be very busy. Try again in a moment."),
    ("O site demorou demais para responder", "Ele pode estar sobrecarregado. Tente de novo em instantes."),
    ("El sitio tarda demasiado en responder", "Puede estar muy ocupado. Inténtelo de nuevo en un momento."),
    ("Le site met trop de temps à répondre", "Il est peut-être surchargé. Réessayez dans un instant."),
    ("Die Website braucht zu lange", "Vielleicht ist sie überlastet. Versuchen Sie es gleich erneut."),
];

const BROKEN_OFF: Each<Page> = [
    ("The site broke off its answer", "What it sent is no proper response. Try again, or tell the agent."),
    (
        "O site interrompeu a resposta",
        "O que ele enviou não é uma resposta válida. Tente de novo ou avise o atendente.",
    ),
    (
        "El sitio ha cortado su respuesta",
        "Lo que ha enviado no es una respuesta válida. Inténtelo de nuevo o avise al agente.",
    ),
    (
        "Le site a interrompu sa réponse",
        "Ce qu’il a envoyé n’est pas une réponse valable. Réessayez ou prévenez le conseiller.",
    ),
    (
        "Die Website hat ihre Antwort abgebrochen",
        "Was sie geschickt hat, ist keine gültige Antwort. Versuchen Sie es erneut oder sagen Sie es dem Berater.",
    ),
];

const EXPIRED: Each<Page> = [
    ("The site cannot be trusted", "Its certificate has expired or is not valid yet, so Lado does not open it."),
    ("O site não é confiável", "O certificado dele venceu ou ainda não vale, por isso o Lado não o abre."),
    ("El sitio no es de confianza", "Su certificado ha caducado o aún no es válido, por eso Lado no lo abre."),
    ("Le site n’est pas fiable", "Son certificat a expiré ou n’est pas encore valable : Lado ne l’ouvre donc pas."),
    (
        "Der Website ist nicht zu trauen",
        "Ihr Zertifikat ist abgelaufen oder noch nicht gültig. Deshalb öffnet Lado sie nicht.",
    ),
];

const WRONG_NAME: Each<Page> = [
    ("The site cannot be trusted", "Its certificate is for another name, so Lado does not open it."),
    ("O site não é confiável", "O certificado dele é de outro nome, por isso o Lado não o abre."),
    ("El sitio no es de confianza", "Su certificado es de otro nombre, por eso Lado no lo abre."),
    ("Le site n’est pas fiable", "Son certificat porte un autre nom : Lado ne l’ouvre donc pas."),
    ("Der Website ist nicht zu trauen", "Ihr Zertifikat gilt für einen anderen Namen. Deshalb öffnet Lado sie nicht."),
];

const UNKNOWN_AUTHORITY: Each<Page> = [
    ("The site cannot be trusted", "Nobody known vouches for its certificate, so Lado does not open it."),
    ("O site não é confiável", "Ninguém conhecido garante o certificado dele, por isso o Lado não o abre."),
    ("El sitio no es de confianza", "Nadie conocido responde de su certificado, por eso Lado no lo abre."),
    ("Le site n’est pas fiable", "Personne de connu ne garantit son certificat : Lado ne l’ouvre donc pas."),
    ("Der Website ist nicht zu trauen", "Niemand Bekanntes bürgt für ihr Zertifikat. Deshalb öffnet Lado sie nicht."),
];

const REVOKED: Each<Page> = [
    ("The site cannot be trusted", "Its certificate has been revoked, so Lado does not open it."),
    ("O site não é confiável", "O certificado dele foi revogado, por isso o Lado não o abre."),
    ("El sitio no es de confianza", "Su certificado ha sido revocado, por eso Lado no lo abre."),
    ("Le site n’est pas fiable", "Son certificat a été révoqué : Lado ne l’ouvre donc pas."),
    ("Der Website ist nicht zu trauen", "Ihr Zertifikat wurde widerrufen. Deshalb öffnet Lado sie nicht."),
];

const NOT_SECURE: Each<Page> = [
    ("The site cannot be reached safely", "No secure connection to it can be made."),
    ("Não foi possível abrir o site com segurança", "Não há como fazer uma conexão segura com ele."),
    ("No se puede abrir el sitio con seguridad", "No es posible establecer una conexión segura con él."),
    ("Le site ne peut pas être ouvert en toute sécurité", "Aucune connexion sécurisée avec lui n’est possible."),
    ("Die Website ist nicht sicher zu erreichen", "Eine sichere Verbindung zu ihr kommt nicht zustande."),
];

/// What a customer reads after a session.
pub(super) struct Parting {
    pub with: &'static str,
    pub lasted: &'static str,
    pub recorded: &'static str,
    pub nothing: &'static str,
    pub kept: &'static str,
    pub history: &'static str,
    pub erased: &'static str,
    pub all: &'static str,
}

const PARTING: Each<Parting> = [
    Parting {
        with: "Together with",
        lasted: "Time together",
        recorded: "Recorded",
        nothing: "Nothing: neither pages, nor the chat, nor what you typed",
        kept: "Kept by the company",
        history: "When, on which site and by whom you were helped, and the agent’s own notes",
        erased: "Erased",
        all: "The chat, and the cookies and data of the sites that you opened here",
    },
    Parting {
        with: "Junto com",
        lasted: "Tempo juntos",
        recorded: "Gravado",
        nothing: "Nada: nem páginas, nem a conversa, nem o que você digitou",
        kept: "Guardado pela empresa",
        history: "Quando, em que site e por quem você foi atendido, e as anotações do atendente",
        erased: "Apagado",
        all: "A conversa, e os cookies e dados dos sites que você abriu aqui",
    },
    Parting {
        with: "Junto con",
        lasted: "Tiempo juntos",
        recorded: "Grabado",
        nothing: "Nada: ni páginas, ni el chat, ni lo que usted escribió",
        kept: "La empresa conserva",
        history: "Cuándo, en qué sitio y por quién fue atendido, y las notas del agente",
        erased: "Borrado",
        all: "El chat, y las cookies y los datos de los sitios que abrió aquí",
    },
    Parting {
        with: "Avec",
        lasted: "Temps passé ensemble",
        recorded: "Enregistré",
        nothing: "Rien : ni les pages, ni la discussion, ni ce que vous avez saisi",
        kept: "Conservé par l’entreprise",
        history: "Quand, sur quel site et par qui vous avez été aidé, et les notes du conseiller",
        erased: "Effacé",
        all: "La discussion, et les cookies et données des sites ouverts ici",
    },
    Parting {
        with: "Zusammen mit",
        lasted: "Gemeinsame Zeit",
        recorded: "Aufgezeichnet",
        nothing: "Nichts: weder Seiten noch Chat noch Ihre Eingaben",
        kept: "Die Firma behält",
        history: "Wann, auf welcher Website und von wem Ihnen geholfen wurde, und die Notizen des Beraters",
        erased: "Gelöscht",
        all: "Der Chat sowie Cookies und Daten der Seiten, die Sie hier geöffnet haben",
    },
];
